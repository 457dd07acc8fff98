-- Where an order comes from. A constant default is kept in the catalogue: no row is written, and the
-- version before, which does not know the column, goes on placing orders.
alter table orders
    add column if not exists channel text not null default 'web';
