-- What the application's own migrations made: by other names, in other words, with later columns.
alter table users
    add column is_admin boolean default false,
    add column admin_promoted_at timestamp,
    add column admin_promoted_by varchar(255);
create index users_admins on users (is_admin) where is_admin = true;

create table token_health (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    integration_type varchar(50) not null,
    status varchar(20) not null,
    last_checked timestamp not null default current_timestamp,
    expiry_date timestamp,
    error_message text,
    created_at timestamp default current_timestamp,
    updated_at timestamp default current_timestamp,
    consecutive_failures integer not null default 0,
    constraint pk_token_health primary key (id),
    constraint token_health_owner foreign key (user_id) references users on delete cascade,
    constraint one_token_each unique (integration_type, user_id),
    constraint known_status check (
        status = any (array['unknown', 'revoked', 'expired', 'expiring_soon', 'valid'])
    )
);
create index th_lookup on token_health (user_id, integration_type);
create index th_status on token_health using btree (status);
create index th_expiring on token_health (expiry_date) where (status)::text = 'expiring_soon';

create table circuit_breaker_state (
    last_error_code text,
    id uuid default gen_random_uuid() constraint pk_breaker primary key,
    user_id uuid not null constraint breaker_owner references users (id) on delete cascade,
    integration_type varchar(50) not null,
    state varchar(20) not null default 'closed',
    failure_count integer not null default 0,
    last_failure_at timestamp,
    last_failure_reason text,
    opened_at timestamp,
    next_retry_at timestamp,
    created_at timestamp default now(),
    updated_at timestamp default now(),
    constraint breaker_known check (state in ('half_open', 'open', 'closed'))
);
-- A unique index in the place of a constraint.
create unique index breaker_once on circuit_breaker_state (user_id, integration_type);
create index breaker_by_state on circuit_breaker_state (state);
create index breaker_retry on circuit_breaker_state (next_retry_at) where state = 'open';

create table sync_schedule (
    id uuid default gen_random_uuid() primary key,
    user_id uuid not null references users (id) on delete cascade,
    integration_type varchar(50) not null,
    current_frequency_ms bigint not null,
    default_frequency_ms bigint not null,
    min_frequency_ms bigint not null,
    max_frequency_ms bigint not null,
    consecutive_no_changes integer not null default 0,
    last_sync_at timestamp,
    next_sync_at timestamp not null,
    created_at timestamp default now(),
    updated_at timestamp default now(),
    priority smallint not null default 0,
    onboarding_until timestamp
);
create unique index schedule_once on sync_schedule (user_id, integration_type);
create index schedule_next on sync_schedule (next_sync_at, integration_type) include (user_id);

create table calendar_webhook_subscriptions (
    id uuid default gen_random_uuid() primary key,
    user_id uuid not null constraint one_channel unique references users (id) on delete cascade,
    channel_id varchar(255) not null constraint known_channel unique,
    resource_id varchar(255) not null,
    resource_uri text,
    expiration timestamp not null,
    token varchar(255),
    created_at timestamp default now(),
    updated_at timestamp default now()
);
create index subscriptions_expire on calendar_webhook_subscriptions (expiration);

create table sync_metrics (
    id uuid default gen_random_uuid() primary key,
    user_id uuid not null references users (id) on delete cascade,
    integration_type varchar(50) not null,
    sync_type varchar(20) not null,
    result varchar(20) not null,
    skip_reason varchar(50),
    duration_ms integer,
    items_processed integer,
    api_calls_made integer,
    api_calls_saved integer,
    error_message text,
    created_at timestamp default now(),
    trace_id uuid,
    constraint result_known check (result in ('success', 'failure', 'skipped'))
);
create index metrics_user on sync_metrics (user_id, integration_type);
create index metrics_time on sync_metrics (created_at);
create index metrics_result on sync_metrics (result);

create table token_health_notifications (
    id uuid default gen_random_uuid() primary key,
    user_id uuid not null references users (id) on delete cascade,
    integration_type varchar(50) not null,
    notification_type varchar(50) not null check (
        notification_type in ('token_expiring_soon', 'token_invalid')
    ),
    message text not null,
    re_auth_link text,
    resolved_at timestamp,
    reminder_sent_at timestamp,
    created_at timestamp default now(),
    updated_at timestamp default now()
);
create index notifications_user on token_health_notifications (user_id);
create index notifications_pair on token_health_notifications (user_id, integration_type);
create index notifications_open on token_health_notifications (user_id, created_at)
    where resolved_at is null;
create index notifications_due on token_health_notifications (created_at)
    where resolved_at is null and reminder_sent_at is null;

create table webhook_notifications (
    id uuid default gen_random_uuid() primary key,
    user_id uuid not null references users (id) on delete cascade,
    channel_id varchar(255) not null,
    resource_id varchar(255) not null,
    resource_state varchar(50) not null,
    result varchar(20) not null check (result in ('ignored', 'failure', 'success')),
    error_message text,
    created_at timestamp default now()
);
create index hooks_time on webhook_notifications (created_at);
create index hooks_result on webhook_notifications (result);
create index hooks_user on webhook_notifications (user_id);
