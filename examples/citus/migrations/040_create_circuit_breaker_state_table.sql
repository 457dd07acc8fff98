-- After repeated failures a breaker opens and spares Google (and the user's quota) further calls.
create table if not exists circuit_breaker_state (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    integration_type varchar(50) not null
        check (integration_type in ('google_contacts', 'google_calendar')),
    state varchar(20) not null check (state in ('closed', 'open', 'half_open')),
    failure_count integer not null default 0,
    last_failure_at timestamp,
    last_failure_reason text,
    opened_at timestamp,
    next_retry_at timestamp,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now(),
    unique (user_id, integration_type),
    primary key (user_id, id)
);
select create_distributed_table('circuit_breaker_state', 'user_id');

create index if not exists idx_circuit_breaker_user_integration
    on circuit_breaker_state (user_id, integration_type);
create index if not exists idx_circuit_breaker_state
    on circuit_breaker_state (state);
create index if not exists idx_circuit_breaker_next_retry
    on circuit_breaker_state (next_retry_at) where state = 'open';

comment on table circuit_breaker_state is 'One row a user and integration: may it be called?';
comment on column circuit_breaker_state.next_retry_at is 'When an open breaker is tried again; UTC.';
