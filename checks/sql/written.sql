-- Who wrote when, by the server's own order: the transactions that wrote the rows of some pages of each
-- stream, the last 64 of its heap and 16 times four farther back. A transaction's number tells in which
-- order it wrote, whatever the clock of its writer says; where the server keeps commit timestamps, that
-- moment is known as well. Rows from the future are another survey's (clock.sql). Beside them, for each
-- stream, a row with a null age: whether it is one plain heap, and how many of its newest 100 rows lie on
-- these pages: few, where vacuum has made room elsewhere.
-- source: text; age: transactions since, 0 is the newest; n: rows; first_at, last_at, written_at: UTC,
-- without time zone; plain: boolean; newest, reached: rows
with pages as (
    select distinct source, size - 1 - back as page
    from (
        select
            source,
            size,
            case
                when place < 64 then place
                else floor(64 * power(greatest(size / 64.0, 1), (place / 4 - 15) / 16.0)) + mod(place, 4)
            end::bigint as back
        from (
            select source, pg_relation_size(to_regclass(source)) / current_setting('block_size')::bigint as size
            from (values ('sync_metrics'), ('webhook_notifications')) as stream (source)
        ) as heap
        cross join generate_series(0, 127) as place
    ) as counted
    where back < size
), places as (
    select source, ('(' || page || ',' || item || ')')::tid as place
    from pages
    cross join generate_series(1, current_setting('block_size')::integer / 28) as item
), written as (
    select 'sync_metrics' as source, xmin as writer, created_at
    from only sync_metrics
    where ctid = any (array(select places.place from places where places.source = 'sync_metrics'))
    union all
    select 'webhook_notifications', xmin, created_at
    from only webhook_notifications
    where ctid = any (array(select places.place from places where places.source = 'webhook_notifications'))
), newest as (
    (
        select 'sync_metrics' as source, (ctid::text::point)[0]::bigint as page
        from only sync_metrics
        where created_at > timestamp '1900-01-01'
            and created_at < greatest(%(as_of)s::timestamp, now()::timestamp) + interval '5 minutes'
        order by created_at desc
        limit 100
    )
    union all
    (
        select 'webhook_notifications', (ctid::text::point)[0]::bigint
        from only webhook_notifications
        where created_at > timestamp '1900-01-01'
            and created_at < greatest(%(as_of)s::timestamp, now()::timestamp) + interval '5 minutes'
        order by created_at desc
        limit 100
    )
)
select
    source,
    age(writer)::bigint as age,
    count(*) as n,
    min(created_at) as first_at,
    max(created_at) as last_at,
    case
        when current_setting('track_commit_timestamp') = 'on' and not pg_is_in_recovery()
            then pg_xact_commit_timestamp(writer) at time zone 'UTC'
    end as written_at,
    null as plain,
    null as newest,
    null as reached
from written
where created_at > timestamp '1900-01-01'
    and created_at < greatest(%(as_of)s::timestamp, now()::timestamp) + interval '5 minutes'
group by source, writer
union all
select
    stream.source, null, null, null, null, null,
    (
        select relkind = 'r' and amname = 'heap' and not relhassubclass
        from pg_class as c
        left join pg_am as a on a.oid = c.relam
        where c.oid = to_regclass(stream.source)
    ),
    (select count(*) from newest where newest.source = stream.source),
    (
        select count(*) from newest join pages using (source, page)
        where newest.source = stream.source
    )
from (values ('sync_metrics'), ('webhook_notifications')) as stream (source)
