-- The shop's schema before migration 101.
create table customers (
    id bigint generated always as identity primary key,
    email text not null unique,
    name text not null,
    created_at timestamptz not null default now()
);

create table orders (
    id bigint generated always as identity primary key,
    customer_id bigint not null references customers (id) on delete cascade,
    total_cents integer not null check (total_cents > 0),
    status text not null default 'placed' check (status in ('placed', 'paid', 'cancelled')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index orders_customer on orders (customer_id);
create index orders_created on orders (created_at);

-- card: what the provider gave for the card's number. It is a secret; no query of the gate reads it.
create table payments (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders (id) on delete cascade,
    provider text not null check (provider in ('cardia', 'banka')),
    card text not null,
    amount_cents integer not null check (amount_cents > 0),
    status text not null default 'pending' check (status in ('pending', 'captured', 'failed')),
    created_at timestamptz not null default now()
);
create index payments_order on payments (order_id);
create index payments_created on payments (created_at);
