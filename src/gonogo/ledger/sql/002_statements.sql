-- Version 2: each statement outside a transaction is a step of its own, so that none that ended runs again.
create table if not exists gonogo.migration_statement (
    id bigint generated always as identity primary key,
    migration_id bigint not null references gonogo.migration (id),
    -- Its place in the part outside the transaction, counted from 1.
    place integer not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    outcome text not null default 'running' check (outcome in ('running', 'succeeded', 'failed')),
    error text,
    -- Every index that was there when it began: an invalid one that is not among them was left by it.
    indexes_before oid[] not null default '{}'
);
create unique index if not exists migration_statement_ended_once
    on gonogo.migration_statement (migration_id, place) where outcome = 'succeeded';

insert into gonogo.ledger_version (version) values (2) on conflict do nothing;
