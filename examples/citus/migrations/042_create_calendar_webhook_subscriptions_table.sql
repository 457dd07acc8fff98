-- Google's push channels for calendars: one a user, renewed before it expires.
create table if not exists calendar_webhook_subscriptions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null unique references users (id) on delete cascade,
    channel_id varchar(255) not null unique,
    resource_id varchar(255) not null,
    resource_uri text,
    expiration timestamp not null,
    token varchar(255),
    created_at timestamp not null default now(),
    updated_at timestamp not null default now()
);
select create_reference_table('calendar_webhook_subscriptions');

create index if not exists idx_webhook_channel_id
    on calendar_webhook_subscriptions (channel_id);
create index if not exists idx_webhook_expiration
    on calendar_webhook_subscriptions (expiration);
create index if not exists idx_webhook_user_id
    on calendar_webhook_subscriptions (user_id);

comment on table calendar_webhook_subscriptions is 'One push channel a user.';
comment on column calendar_webhook_subscriptions.expiration is 'When Google ends the channel; UTC.';
