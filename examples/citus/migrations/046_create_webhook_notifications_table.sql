-- One row a notification that Google pushed. Append-only, and large.
-- Google confirms each new channel with resource_state sync: such rows are ignored, not failures.
create table if not exists webhook_notifications (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    channel_id varchar(255) not null,
    resource_id varchar(255),
    resource_state varchar(50) not null,
    result varchar(20) not null check (result in ('success', 'failure', 'ignored')),
    error_message text,
    created_at timestamp not null default now(),
    primary key (user_id, id)
);
select create_distributed_table('webhook_notifications', 'user_id');

create index if not exists idx_webhook_notifications_created_at
    on webhook_notifications (created_at);
create index if not exists idx_webhook_notifications_result
    on webhook_notifications (result);
create index if not exists idx_webhook_notifications_user_id
    on webhook_notifications (user_id);

comment on table webhook_notifications is 'One row a notification from Google; never changed.';
comment on column webhook_notifications.resource_state is
    'sync, exists or not_exists: Google''s word, and Google may add to it.';
