-- How long the captures of the window took.
-- provider: text; n: attempts; mean_ms, p50_ms, p95_ms, p99_ms: milliseconds
select
    provider,
    count(*) as n,
    round(avg(duration_ms))::bigint as mean_ms,
    round(percentile_cont(0.50) within group (order by duration_ms))::bigint as p50_ms,
    round(percentile_cont(0.95) within group (order by duration_ms))::bigint as p95_ms,
    round(percentile_cont(0.99) within group (order by duration_ms))::bigint as p99_ms
from payment_attempts
where created_at >= %(window_start)s
    and created_at < %(as_of)s
    and result = 'captured'
    and duration_ms is not null
group by provider
