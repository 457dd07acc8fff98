-- Keep the channels that are not the default's.
lock table orders in access exclusive mode;

create table :aside.orders_104 (
    id bigint primary key references orders (id) on delete cascade,
    channel text not null
);

insert into :aside.orders_104 (id, channel)
select id, channel from orders where channel <> 'web';

alter table orders drop column channel;
