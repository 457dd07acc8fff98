-- How far the newest row lies ahead of the window's end, or of the server's clock when that is later.
-- ahead_s: seconds, negative when behind
select extract(epoch from newest - greatest(%(as_of)s::timestamp, now()::timestamp)) as ahead_s
from (
    select greatest(
        (select created_at from sync_metrics order by created_at desc limit 1),
        (select created_at from webhook_notifications order by created_at desc limit 1)
    ) as newest
) as rows
