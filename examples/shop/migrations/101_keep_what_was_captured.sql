-- When a payment was captured, and what the provider calls it. Nullable without a default, so that
-- no row of payments is written.
alter table payments
    add column if not exists captured_at timestamptz,
    add column if not exists provider_reference text;

comment on column payments.provider_reference is 'The provider''s own name for the payment.';

-- gonogo: no-transaction
-- payments is filled: building these under the lock of an ordinary CREATE INDEX would stall writers.
create index concurrently if not exists payments_pending
    on payments (id) where status = 'pending';
create index concurrently if not exists payments_captured
    on payments (provider, captured_at);
