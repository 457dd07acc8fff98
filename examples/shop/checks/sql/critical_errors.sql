-- Attempts of the window whose message matches a critical pattern; each message is matched once.
-- n: attempts
select coalesce(sum(n) filter (where error_message ~* %(critical_pattern)s), 0)::bigint as n
from (
    select error_message, count(*) as n
    from payment_attempts
    where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'error'
    group by 1
) as messages
