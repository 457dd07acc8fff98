-- New users' connections of one slice that have synchronised since, by the hour in which they connected.
-- New is whose onboarding_until is set, or who came in the two weeks before: set or not.
-- hour_no: which hour of the slice, from 1; integration: text; n: connections;
-- first_at, last_at: UTC, without time zone
select
    case
        when %(slice_is_wide)s then width_bucket(s.created_at, %(slice_hours)s::timestamp[]) else 1
    end as hour_no,
    coalesce(s.integration_type, '(none)') as integration,
    count(*) as n,
    min(s.created_at) as first_at,
    max(s.created_at) as last_at
from sync_schedule as s
left join users as u on u.id = s.user_id
where s.created_at >= %(slice_start)s
    and s.created_at < %(slice_end)s
    and (
        s.onboarding_until is not null
        or u.created_at >= s.created_at at time zone 'UTC' - interval '14 days'
    )
    -- A case, so that it is looked up once a connection, and never joined with every success there is.
    and case when exists (
        select from sync_metrics as m
        where m.user_id = s.user_id
            and m.integration_type = s.integration_type
            and m.result = 'success'
            -- A difference, so that no index on created_at is read once a connection.
            and m.created_at - s.created_at >= interval '0'
            and %(as_of)s::timestamp - m.created_at > interval '0'
    ) then true else false end
group by 1, 2
