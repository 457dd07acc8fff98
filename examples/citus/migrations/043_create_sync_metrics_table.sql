-- One row a sync that was carried out or skipped. Append-only, and by far the largest table.
-- The label initial marks the first sync of a new connection; the live table forgot to allow it.
create table if not exists sync_metrics (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    integration_type varchar(50) not null
        check (integration_type in ('google_contacts', 'google_calendar')),
    sync_type varchar(20) not null
        check (sync_type in ('full', 'incremental', 'webhook_triggered', 'manual', 'initial')),
    result varchar(20) not null check (result in ('success', 'failure', 'skipped')),
    skip_reason varchar(50),
    duration_ms integer,
    items_processed integer,
    api_calls_made integer,
    api_calls_saved integer,
    error_message text,
    created_at timestamp not null default now(),
    primary key (user_id, id)
);
select create_distributed_table('sync_metrics', 'user_id');

create index if not exists idx_sync_metrics_user_integration
    on sync_metrics (user_id, integration_type);
create index if not exists idx_sync_metrics_created_at
    on sync_metrics (created_at);
create index if not exists idx_sync_metrics_result
    on sync_metrics (result);

comment on table sync_metrics is 'One row a sync, carried out or skipped; never changed.';
comment on column sync_metrics.skip_reason is 'Why a sync was skipped; null when it was not.';
