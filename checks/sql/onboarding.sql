-- New users who connected since the deployment: settled (an hour ago or more) and, of those, succeeded
-- (a success since they connected, in every integration that they connected). New is whose
-- onboarding_until is set, or who came since the deployment, set or not: 041 may have been backfilled
-- with the connections of others.
-- integration: text, null for the whole; succeeded, settled, pending, new_users, came (since the
-- deployment, and settled), flagged (of those who came: one of their connections has its
-- onboarding_until): users
with connection as (
    select
        s.user_id,
        s.integration_type,
        s.created_at,
        s.created_at <= %(as_of)s::timestamp - interval '1 hour' as settled,
        (u.created_at >= %(since_deployment)s::timestamp at time zone 'UTC') is true as came,
        bool_or(s.onboarding_until is not null) over (partition by s.user_id) as flagged,
        exists (
            select from sync_metrics as m
            where m.user_id = s.user_id
                and m.integration_type = s.integration_type
                and m.result = 'success'
                -- A difference, so that no index on created_at is read once a connection.
                and m.created_at - s.created_at >= interval '0'
                and %(as_of)s::timestamp - m.created_at > interval '0'
        ) as succeeded
    from sync_schedule as s
    left join users as u on u.id = s.user_id
    where (
            s.onboarding_until is not null
            or u.created_at >= %(since_deployment)s::timestamp at time zone 'UTC'
        )
        and s.created_at >= %(since_deployment)s
        and s.created_at < %(as_of)s
)
select
    null as integration,
    count(*) filter (where settled and succeeded) as succeeded,
    count(*) filter (where settled) as settled,
    count(*) filter (where not settled) as pending,
    count(*) filter (where connected_at >= %(window_start)s) as new_users,
    count(*) filter (where settled and came) as came,
    count(*) filter (where settled and came and flagged) as flagged
from (
    select
        user_id,
        bool_or(settled) as settled,
        bool_and(succeeded or not settled) as succeeded,
        min(created_at) as connected_at,
        bool_or(came) as came,
        bool_or(flagged) as flagged
    from connection
    group by user_id
) as users
union all
select
    integration_type,
    count(*) filter (where settled and succeeded),
    count(*) filter (where settled),
    count(*) filter (where not settled),
    count(*) filter (where created_at >= %(window_start)s),
    count(*) filter (where settled and came),
    count(*) filter (where settled and came and flagged)
from connection
group by integration_type
