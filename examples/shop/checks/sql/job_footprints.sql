-- What the worker leaves behind; null where a job never left anything.
-- settlement_age_s: seconds before the window's end; capture_waits_s: seconds that the oldest pending
-- payment has waited, 0 without one
select
    extract(epoch from %(as_of)s::timestamp - (
        select max(settled_to) at time zone 'UTC' from settlements where settled_to <= %(as_of)s
    )) as settlement_age_s,
    coalesce(extract(epoch from %(as_of)s::timestamp - (
        select min(created_at) at time zone 'UTC' from payments
        where status = 'pending' and created_at <= %(as_of)s
    )), 0) as capture_waits_s
