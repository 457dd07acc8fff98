-- The newest of the new users who connected an hour ago or more (onboarding.sql says who is new), newest
-- first; by their connection of one integration (the part), or by all when null.
-- settled, succeeded, came, flagged: 1 or 0; at: UTC, without time zone
with newest as (
    select
        s.user_id,
        max(s.created_at) filter (
            where %(part)s::text is null or s.integration_type = %(part)s::text
        ) as connected_at,
        bool_or(s.onboarding_until is not null) as flagged,
        bool_or(u.created_at >= %(since_deployment)s::timestamp at time zone 'UTC') is true as came
    from sync_schedule as s
    left join users as u on u.id = s.user_id
    where (
            s.onboarding_until is not null
            or u.created_at >= %(since_deployment)s::timestamp at time zone 'UTC'
        )
        and s.created_at >= %(since_deployment)s
        and s.created_at <= %(as_of)s::timestamp - interval '1 hour'
    group by s.user_id
    having bool_or(%(part)s::text is null or s.integration_type = %(part)s::text)
    order by connected_at desc, s.user_id
    limit %(most_recent)s
)

select
    1 as settled,
    min(case when exists (
        select from sync_metrics as m
        where m.user_id = s.user_id
            and m.integration_type = s.integration_type
            and m.result = 'success'
            -- A difference, so that no index on created_at is read once a connection.
            and m.created_at - s.created_at >= interval '0'
            and %(as_of)s::timestamp - m.created_at > interval '0'
    ) then 1 else 0 end) as succeeded,
    newest.came::integer as came,
    newest.flagged::integer as flagged,
    newest.connected_at as at
from newest
join sync_schedule as s on s.user_id = newest.user_id
where (s.onboarding_until is not null or newest.came)
    and s.created_at >= %(since_deployment)s
    and s.created_at <= %(as_of)s::timestamp - interval '1 hour'
    and (%(part)s::text is null or s.integration_type = %(part)s::text)
group by newest.user_id, newest.connected_at, newest.came, newest.flagged
order by newest.connected_at desc, newest.user_id
