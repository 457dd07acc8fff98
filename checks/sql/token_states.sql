-- Tokens by state. A check from the future (later than the window's end, the server's clock and what
-- clocks may differ by) proves nothing: neither that there was one, nor that there was none.
-- status, integration: text; n: tokens; dated: those whose last check is none from the future;
-- checked: those checked within 26 h; outlived: those called valid by a check after their expiry
select
    status,
    integration_type as integration,
    count(*) as n,
    count(*) filter (where last_checked <= clock.latest) as dated,
    count(*) filter (
        where last_checked >= %(as_of)s::timestamp - interval '26 hours' and last_checked <= clock.latest
    ) as checked,
    count(*) filter (
        where status = 'valid' and expiry_date < last_checked and last_checked <= clock.latest
    ) as outlived
from token_health
cross join (
    select greatest(%(as_of)s::timestamp, timezone('utc', now())) + interval '5 minutes' as latest
) as clock
group by 1, 2
