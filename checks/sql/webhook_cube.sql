-- Every notification of one slice of the window.
-- hour_no: which hour of the slice, from 1; result: text; n: rows; critical: rows
-- that are no failures and have a critical message (failures are matched by webhook_errors.sql);
-- first_at, last_at: UTC, without time zone
select
    -- A constant in a slice of one hour, which is planned and grouped as if it were not there.
    case
        when %(slice_is_wide)s then width_bucket(created_at, %(slice_hours)s::timestamp[]) else 1
    end as hour_no,
    result,
    count(*) as n,
    count(*) filter (
        where error_message is not null
            and result is distinct from 'failure'
            and error_message ~* %(critical_pattern)s
    ) as critical,
    min(created_at) as first_at,
    max(created_at) as last_at
from webhook_notifications
where created_at >= %(slice_start)s and created_at < %(slice_end)s
group by 1, 2
