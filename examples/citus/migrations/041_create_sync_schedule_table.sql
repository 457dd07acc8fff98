-- How often each connected integration is synchronised; the adaptive job moves the frequency.
create table if not exists sync_schedule (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    integration_type varchar(50) not null
        check (integration_type in ('google_contacts', 'google_calendar')),
    current_frequency_ms bigint not null,
    default_frequency_ms bigint not null,
    min_frequency_ms bigint not null,
    max_frequency_ms bigint not null,
    consecutive_no_changes integer not null default 0,
    last_sync_at timestamp,
    next_sync_at timestamp not null,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now(),
    unique (user_id, integration_type),
    primary key (user_id, id)
);
select create_distributed_table('sync_schedule', 'user_id');

create index if not exists idx_sync_schedule_user_integration
    on sync_schedule (user_id, integration_type);
create index if not exists idx_sync_schedule_next_sync
    on sync_schedule (next_sync_at, integration_type);

comment on table sync_schedule is 'One row a connected integration.';
comment on column sync_schedule.created_at is 'The moment that the user connected; UTC.';
