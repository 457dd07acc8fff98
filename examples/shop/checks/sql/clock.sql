-- How far the newest row lies ahead of the window's end, or of the server's clock when that is later.
-- ahead_s: seconds, negative when behind
select extract(epoch from newest - greatest(%(as_of)s::timestamp::timestamptz, now())) as ahead_s
from (
    select greatest(
        (select max(created_at) from orders),
        (select max(created_at) from payments),
        (select max(created_at) from payment_attempts)
    ) as newest
) as rows
