-- One row an hour and result: how many events ended how. Put your own table and columns in place of
-- `orders`, `created_at` and `status`; every metric of this survey is a filtered sum of these rows.
-- hour_no: the hour of the slice, from 1; result: text; n: events;
-- first_at, last_at: UTC, without time zone
select
    case
        when %(slice_is_wide)s then width_bucket(created_at::timestamp, %(slice_hours)s::timestamp[])
        else 1
    end as hour_no,
    status as result,
    count(*) as n,
    min(created_at::timestamp) as first_at,
    max(created_at::timestamp) as last_at
from orders
where created_at >= %(slice_start)s and created_at < %(slice_end)s
group by 1, 2
