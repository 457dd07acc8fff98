-- Every attempt to capture a payment in one slice of the window.
-- hour_no: which hour of the slice, from 1; provider, result: text; n: attempts;
-- first_at, last_at: UTC, without time zone
select
    case
        when %(slice_is_wide)s then width_bucket(created_at, %(slice_hours)s::timestamptz[]) else 1
    end as hour_no,
    provider,
    result,
    count(*) as n,
    min(created_at) at time zone 'UTC' as first_at,
    max(created_at) at time zone 'UTC' as last_at
from payment_attempts
where created_at >= %(slice_start)s and created_at < %(slice_end)s
group by 1, 2, 3
