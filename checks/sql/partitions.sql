-- How much of the window no partition covers, of each stream that is partitioned by its moment: one was
-- detached or dropped, or retention is shorter than the window. Where there is a default partition, a row
-- of any moment has its place. No row for a table that is not partitioned so.
-- stream: text; uncovered_s: seconds
select
    stream,
    case
        when bool_or(bounds = 'DEFAULT') then 0
        else extract(epoch from %(as_of)s::timestamp - %(window_start)s::timestamp)
            - coalesce(sum(greatest(0, extract(
                epoch from least(ends_at, %(as_of)s::timestamp)
                    - greatest(begins_at, %(window_start)s::timestamp)
            ))) filter (where bounds is not null), 0)
    end as uncovered_s
from (
    select
        parent.relname as stream,
        pg_get_expr(part.relpartbound, part.oid) as bounds,
        coalesce(
            substring(pg_get_expr(part.relpartbound, part.oid) from 'FROM \(''([^'']+)''\)')::timestamp,
            '-infinity'
        ) as begins_at,
        coalesce(
            substring(pg_get_expr(part.relpartbound, part.oid) from 'TO \(''([^'']+)''\)')::timestamp,
            'infinity'
        ) as ends_at
    from pg_class as parent
    join pg_partitioned_table as split on split.partrelid = parent.oid
    join pg_attribute as moment on moment.attrelid = parent.oid and moment.attname = 'created_at'
    left join pg_inherits as child on child.inhparent = parent.oid
    left join pg_class as part on part.oid = child.inhrelid
    where parent.oid in (to_regclass('sync_metrics'), to_regclass('webhook_notifications'))
        and split.partstrat = 'r'
        and split.partnatts = 1
        and split.partattrs[0] = moment.attnum
) as bounded
group by stream
