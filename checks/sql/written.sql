-- Who wrote when, by the server's own order: the transactions that wrote the rows of some pages of each
-- stream, the last 64 of its heap and 16 times four farther back. A transaction's number tells in which
-- order it wrote, whatever the clock of its writer says; where the server keeps commit timestamps, that
-- moment is known as well. Rows from the future are another survey's (clock.sql). Beside them, for each
-- stream, a row with a null age: whether it is one plain heap, and how many of its newest 100 rows lie on
-- these pages: few, where vacuum has made room elsewhere.
-- source: text; age: transactions since, 0 is the newest; n: rows; first_at, last_at, written_at: UTC,
-- without time zone; plain: boolean; newest, reached: rows
with sync_pages as (
    select distinct pages - 1 - back as page
    from (
        select
            pages,
            case
                when place < 64 then place
                else floor(64 * power(greatest(pages / 64.0, 1), (place / 4 - 15) / 16.0)) + mod(place, 4)
            end::bigint as back
        from (
            select pg_relation_size(to_regclass('sync_metrics')) / current_setting('block_size')::bigint as pages
        ) as heap
        cross join generate_series(0, 127) as place
    ) as places
    where back < pages
), notification_pages as (
    select distinct pages - 1 - back as page
    from (
        select
            pages,
            case
                when place < 64 then place
                else floor(64 * power(greatest(pages / 64.0, 1), (place / 4 - 15) / 16.0)) + mod(place, 4)
            end::bigint as back
        from (
            select pg_relation_size(to_regclass('webhook_notifications')) / current_setting('block_size')::bigint as pages
        ) as heap
        cross join generate_series(0, 127) as place
    ) as places
    where back < pages
)
select
    'sync_metrics' as source,
    age(xmin)::bigint as age,
    count(*) as n,
    min(created_at) as first_at,
    max(created_at) as last_at,
    case
        when current_setting('track_commit_timestamp') = 'on' and not pg_is_in_recovery()
            then pg_xact_commit_timestamp(xmin) at time zone 'UTC'
    end as written_at,
    null as plain,
    null as newest,
    null as reached
from sync_metrics
where ctid = any (array(
        select ('(' || pages.page || ',' || items.item || ')')::tid
        from sync_pages as pages
        cross join generate_series(1, current_setting('block_size')::integer / 28) as items (item)
    ))
    and created_at > timestamp '1900-01-01'
    and created_at < greatest(%(as_of)s::timestamp, now()::timestamp) + interval '5 minutes'
group by xmin
union all
select
    'sync_metrics', null, null, null, null, null,
    (
        select relkind = 'r' and amname = 'heap' and not relhassubclass
        from pg_class as c
        left join pg_am as a on a.oid = c.relam
        where c.oid = to_regclass('sync_metrics')
    ),
    count(*),
    count(*) filter (where newest.page in (select pages.page from sync_pages as pages))
from (
    select (ctid::text::point)[0]::bigint as page
    from sync_metrics
    where created_at > timestamp '1900-01-01'
        and created_at < greatest(%(as_of)s::timestamp, now()::timestamp) + interval '5 minutes'
    order by created_at desc
    limit 100
) as newest
union all
select
    'webhook_notifications' as source,
    age(xmin)::bigint as age,
    count(*) as n,
    min(created_at) as first_at,
    max(created_at) as last_at,
    case
        when current_setting('track_commit_timestamp') = 'on' and not pg_is_in_recovery()
            then pg_xact_commit_timestamp(xmin) at time zone 'UTC'
    end as written_at,
    null as plain,
    null as newest,
    null as reached
from webhook_notifications
where ctid = any (array(
        select ('(' || pages.page || ',' || items.item || ')')::tid
        from notification_pages as pages
        cross join generate_series(1, current_setting('block_size')::integer / 28) as items (item)
    ))
    and created_at > timestamp '1900-01-01'
    and created_at < greatest(%(as_of)s::timestamp, now()::timestamp) + interval '5 minutes'
group by xmin
union all
select
    'webhook_notifications', null, null, null, null, null,
    (
        select relkind = 'r' and amname = 'heap' and not relhassubclass
        from pg_class as c
        left join pg_am as a on a.oid = c.relam
        where c.oid = to_regclass('webhook_notifications')
    ),
    count(*),
    count(*) filter (where newest.page in (select pages.page from notification_pages as pages))
from (
    select (ctid::text::point)[0]::bigint as page
    from webhook_notifications
    where created_at > timestamp '1900-01-01'
        and created_at < greatest(%(as_of)s::timestamp, now()::timestamp) + interval '5 minutes'
    order by created_at desc
    limit 100
) as newest
