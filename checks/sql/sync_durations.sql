-- How long successful syncs of the window took. Each duration is counted once and ranked by its
-- count: exactly what percentile_cont says, without sorting every row, and in parallel.
-- integration: text; n: syncs; mean_ms, p50_ms, p95_ms, p99_ms: milliseconds
with counted as (
    select integration_type as integration, duration_ms as ms, count(*) as n
    from sync_metrics
    -- First and simple: most rows are skipped ones, and need not be looked at any further.
    where result = 'success'
        and created_at >= %(window_start)s
        and created_at < %(as_of)s
        and duration_ms is not null
    group by 1, 2
),

ranked as (
    select
        integration,
        ms,
        n,
        sum(n) over (partition by integration order by ms) as upto,
        -- A percentile lies between two values when its rank falls between two rows.
        coalesce(lead(ms) over (partition by integration order by ms), ms) as next_ms,
        sum(n) over (partition by integration) - 1 as last
    from counted
)

select
    integration,
    sum(n)::bigint as n,
    round(sum(ms * n) / sum(n))::bigint as mean_ms,
    round(min(ms + (next_ms - ms) * greatest(0.50 * last - upto + 1, 0))
        filter (where upto > 0.50 * last))::bigint as p50_ms,
    round(min(ms + (next_ms - ms) * greatest(0.95 * last - upto + 1, 0))
        filter (where upto > 0.95 * last))::bigint as p95_ms,
    round(min(ms + (next_ms - ms) * greatest(0.99 * last - upto + 1, 0))
        filter (where upto > 0.99 * last))::bigint as p99_ms
from ranked
group by integration
