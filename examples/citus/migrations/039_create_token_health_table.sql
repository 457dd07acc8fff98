-- Whether the OAuth token of each integration still works, as the refresh job last found it.
create table if not exists token_health (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    integration_type varchar(50) not null
        check (integration_type in ('google_contacts', 'google_calendar')),
    status varchar(20) not null
        check (status in ('valid', 'expiring_soon', 'expired', 'revoked', 'unknown')),
    last_checked timestamp not null default now(),
    expiry_date timestamp,
    error_message text,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now(),
    unique (user_id, integration_type),
    primary key (user_id, id)
);
select create_distributed_table('token_health', 'user_id');

create index if not exists idx_token_health_user_integration
    on token_health (user_id, integration_type);
create index if not exists idx_token_health_status
    on token_health (status);
create index if not exists idx_token_health_expiring
    on token_health (expiry_date) where status = 'expiring_soon';

comment on table token_health is 'One row a user and integration: the state of its OAuth token.';
comment on column token_health.last_checked is 'When the token was last tried; UTC.';
