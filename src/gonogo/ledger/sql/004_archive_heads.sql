-- Version 4: how far the archive's chains went when a deployment or rollback had ended: what is removed later is missed.
create table if not exists gonogo.archive_head (
    id bigint generated always as identity primary key,
    deployment_id bigint not null references gonogo.deployment (id),
    environment text not null,
    -- Of its chain.sha256: how many lines, and the sha256 of these.
    lines integer not null,
    sha256 text not null,
    recorded_at timestamptz not null default clock_timestamp()
);

insert into gonogo.ledger_version (version) values (4) on conflict do nothing;
