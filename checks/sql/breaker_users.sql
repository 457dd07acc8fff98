-- Users with an open breaker among the connected ones; open breakers, and those that do not retry;
-- half-open ones, and those that neither close nor open again for a day. A moment from the future
-- (later than the window's end, the server's clock and what clocks may differ by) proves nothing.
-- open_users, users: users; open, stuck, half_open, lingering: breakers
select connected.users, breakers.*
from (
    select
        count(distinct user_id) filter (where state = 'open') as open_users,
        count(*) filter (where state = 'open') as open,
        count(*) filter (
            where state = 'open'
                and (
                    next_retry_at < %(as_of)s::timestamp - interval '24 hours'
                    or next_retry_at = 'infinity'
                )
        ) as stuck,
        count(*) filter (where state = 'half_open' and (updated_at > clock.latest) is not true)
            as half_open,
        -- Since the retry that half opened it, or the row's last change: whichever is older.
        count(*) filter (
            where state = 'half_open'
                and (updated_at > clock.latest) is not true
                and (
                    least(coalesce(next_retry_at, opened_at), updated_at)
                        >= %(as_of)s::timestamp - interval '24 hours'
                ) is not true
        ) as lingering
    from circuit_breaker_state
    cross join (
        select greatest(%(as_of)s::timestamp, timezone('utc', now())) + interval '5 minutes' as latest
    ) as clock
) as breakers
cross join (select count(distinct user_id) as users from sync_schedule) as connected
