-- The most frequent errors of new users (onboarding.sql says who is new) who have no success yet.
-- message: text of the application, hostile; n: rows; users: those who met it
with failed as materialized (
    select s.user_id, s.integration_type, s.created_at
    from sync_schedule as s
    left join users as u on u.id = s.user_id
    where (
            s.onboarding_until is not null
            or u.created_at >= %(since_deployment)s::timestamp at time zone 'UTC'
        )
        and s.created_at >= %(since_deployment)s
        and s.created_at <= %(as_of)s::timestamp - interval '1 hour'
        and case when exists (
            select from sync_metrics as m
            where m.user_id = s.user_id
                and m.integration_type = s.integration_type
                and m.result = 'success'
                -- A difference, so that no index on created_at is read once a connection.
                and m.created_at - s.created_at >= interval '0'
                and %(as_of)s::timestamp - m.created_at > interval '0'
        ) then false else true end
)

select
    left(coalesce(m.error_message, '(no message)'), 1000) as message,
    count(*) as n,
    count(distinct s.user_id) as users
from failed as s
join sync_metrics as m
    on m.user_id = s.user_id
    and m.integration_type = s.integration_type
    and m.created_at - s.created_at >= interval '0'
    and %(as_of)s::timestamp - m.created_at > interval '0'
where m.result = 'failure'
    -- By their index: few users have no success, and many failures are not theirs.
    and m.user_id = any (array(select failed.user_id from failed))
group by 1
order by users desc, n desc, message
limit %(most_messages)s
