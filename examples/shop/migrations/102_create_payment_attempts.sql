-- One row an attempt to capture a payment. Append-only, and large.
create table if not exists payment_attempts (
    id bigint generated always as identity primary key,
    payment_id bigint not null references payments (id) on delete cascade,
    provider text not null,
    result text not null check (result in ('captured', 'declined', 'error')),
    error_message text,
    duration_ms integer,
    created_at timestamptz not null default now()
);

create index if not exists payment_attempts_payment on payment_attempts (payment_id);
create index if not exists payment_attempts_created on payment_attempts (created_at);

comment on table payment_attempts is 'One row an attempt; never changed.';
