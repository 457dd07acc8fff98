-- Users with an open breaker among the connected ones; open breakers, and those that do not retry.
-- open_users, users: users; open, stuck: breakers
select
    (select count(distinct user_id) from circuit_breaker_state where state = 'open') as open_users,
    (select count(distinct user_id) from sync_schedule) as users,
    (select count(*) from circuit_breaker_state where state = 'open') as open,
    (
        select count(*) from circuit_breaker_state
        where state = 'open' and next_retry_at < %(as_of)s::timestamp - interval '24 hours'
    ) as stuck
