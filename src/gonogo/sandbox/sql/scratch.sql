-- Scratch space of one generation. A draw is a hash of a row's number, so it does not depend on the
-- plan, the chunk or the machine; each use takes its own draw number.
create or replace function pg_temp.uniform(n bigint, draw integer) returns double precision
language sql immutable parallel safe
return (hashint8extended(n, %(seed)s::bigint * 1000 + draw) & 4503599627370495)
    / 4503599627370496.0::double precision;

-- Without the seed: who is struck first stays the same from one generation to the next.
create or replace function pg_temp.uniform_of(id uuid, draw integer) returns double precision
language sql immutable parallel safe
return (uuid_hash_extended(id, draw) & 4503599627370495) / 4503599627370496.0::double precision;

drop table if exists pg_temp.newcomer;
create temporary table newcomer (
    user_id uuid not null,
    number bigint not null,
    connected_at timestamp not null
) on commit drop;

drop table if exists pg_temp.connection;
create temporary table connection (
    user_id uuid not null,
    integration_type varchar(50) not null,
    connected_at timestamp not null,
    fresh boolean not null,
    failing boolean not null,
    -- By age: those that exist at a moment are the ranks from 1 to their number.
    rank integer not null
) on commit drop;

drop table if exists pg_temp.channel;
create temporary table channel (
    user_id uuid not null,
    channel_id varchar(255) not null,
    resource_id varchar(255) not null,
    created_at timestamp not null,
    rank integer not null
) on commit drop;

drop table if exists pg_temp.hour;
create temporary table hour (
    no integer not null,
    starts_at timestamp not null,
    length_us bigint not null,
    contacts integer not null,
    calendars integer not null,
    channels integer not null,
    syncs integer not null,
    first_sync bigint not null,
    notifications integer not null,
    first_notification bigint not null
) on commit drop
