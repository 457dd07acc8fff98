-- Keep what was written to the two columns, then take them away.
-- The lock comes first: a capture between the copy and the drop would be lost.
lock table payments in access exclusive mode;

create table :aside.payments_101 (
    id bigint primary key references payments (id) on delete cascade,
    captured_at timestamptz,
    provider_reference text
);

insert into :aside.payments_101 (id, captured_at, provider_reference)
select id, captured_at, provider_reference
from payments
where captured_at is not null or provider_reference is not null;

drop index payments_pending;

alter table payments
    drop column captured_at,
    drop column provider_reference;
