-- What users were told about their tokens, and whether they acted on it.
create table if not exists token_health_notifications (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    integration_type varchar(50) not null
        check (integration_type in ('google_contacts', 'google_calendar')),
    notification_type varchar(50) not null
        check (notification_type in ('token_invalid', 'token_expiring_soon')),
    message text,
    re_auth_link text,
    resolved_at timestamp,
    reminder_sent_at timestamp,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now(),
    primary key (user_id, id)
);
select create_distributed_table('token_health_notifications', 'user_id');

create index if not exists idx_token_health_notifications_user_id
    on token_health_notifications (user_id);
create index if not exists idx_token_health_notifications_user_integration
    on token_health_notifications (user_id, integration_type);
create index if not exists idx_token_health_notifications_unresolved
    on token_health_notifications (user_id, created_at) where resolved_at is null;
create index if not exists idx_token_health_notifications_reminder_due
    on token_health_notifications (created_at)
    where resolved_at is null and reminder_sent_at is null;

comment on table token_health_notifications is 'One row a message to a user about a token.';
comment on column token_health_notifications.resolved_at is 'When the user had mended it; UTC.';
