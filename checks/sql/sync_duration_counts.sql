-- How long successful syncs of the window took, for a fleet: each duration, and how often it came.
-- integration: text; ms: milliseconds; n: syncs
select integration_type as integration, duration_ms as ms, count(*) as n
from sync_metrics
where created_at >= %(window_start)s
    and created_at < %(as_of)s
    and result = 'success'
    and duration_ms is not null
group by 1, 2
