-- What a provider captured from one settlement to the next, and whether its own sum agrees.
create table if not exists settlements (
    id bigint generated always as identity primary key,
    provider text not null,
    settled_from timestamptz not null,
    settled_to timestamptz not null,
    payments integer not null,
    amount_cents bigint not null,
    status text not null check (status in ('settled', 'mismatched')),
    created_at timestamptz not null default now(),
    check (settled_to > settled_from)
);

create unique index if not exists settlements_provider_end on settlements (provider, settled_to);
