-- Reported runs of one slice, whether they succeeded or not.
-- hour_no: which hour of the slice, from 1; job: text; n: runs; first_at, last_at: UTC, without time zone
select
    case
        when %(slice_is_wide)s
            then width_bucket(started_at at time zone 'UTC', %(slice_hours)s::timestamp[])
        else 1
    end as hour_no,
    job_name as job,
    count(*) as n,
    min(started_at at time zone 'UTC') as first_at,
    max(started_at at time zone 'UTC') as last_at
from gonogo.job_run
where started_at >= %(slice_start)s::timestamp at time zone 'UTC'
    and started_at < %(slice_end)s::timestamp at time zone 'UTC'
group by 1, 2
