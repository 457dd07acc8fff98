-- Users who connected since the deployment: settled (an hour ago or more) and, of those, succeeded
-- (a success since they connected, in every integration that they connected).
-- integration: text, null for the whole; succeeded, settled, pending, new_users: users
with connection as (
    select
        s.user_id,
        s.integration_type,
        s.created_at,
        s.created_at <= %(as_of)s::timestamp - interval '1 hour' as settled,
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
    where s.onboarding_until is not null
        and s.created_at >= %(since_deployment)s
        and s.created_at < %(as_of)s
)
select
    null as integration,
    count(*) filter (where settled and succeeded) as succeeded,
    count(*) filter (where settled) as settled,
    count(*) filter (where not settled) as pending,
    count(*) filter (where connected_at >= %(window_start)s) as new_users
from (
    select
        user_id,
        bool_or(settled) as settled,
        bool_and(succeeded or not settled) as succeeded,
        min(created_at) as connected_at
    from connection
    group by user_id
) as users
union all
select
    integration_type,
    count(*) filter (where settled and succeeded),
    count(*) filter (where settled),
    count(*) filter (where not settled),
    count(*) filter (where created_at >= %(window_start)s)
from connection
group by integration_type
