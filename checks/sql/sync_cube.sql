-- Every sync of one slice of the window, by all dimensions that any sync metric filters on.
-- hour_no: which hour of the slice, from 1; integration, sync_type, result, skip_reason: text;
-- n: rows; critical: rows that are no failures and have a critical message (failures are matched by
-- sync_errors.sql); api_calls_*: calls; first_at, last_at: UTC, without time zone
select
    -- A constant in a slice of one hour, which is planned and grouped as if it were not there.
    case
        when %(slice_is_wide)s then width_bucket(created_at, %(slice_hours)s::timestamp[]) else 1
    end as hour_no,
    coalesce(integration_type, '(none)') as integration,
    sync_type,
    result,
    skip_reason,
    count(*) as n,
    count(*) filter (
        where error_message is not null
            and result is distinct from 'failure'
            and error_message ~* %(critical_pattern)s
    ) as critical,
    coalesce(sum(api_calls_made), 0)::bigint as api_calls_made,
    coalesce(sum(api_calls_saved), 0)::bigint as api_calls_saved,
    min(created_at) as first_at,
    max(created_at) as last_at
from sync_metrics
where created_at >= %(slice_start)s and created_at < %(slice_end)s
group by 1, integration_type, 3, 4, 5
