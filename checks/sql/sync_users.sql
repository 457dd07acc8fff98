-- Users with at least two executed syncs in the window, those among them without a success, and the user
-- with the most failures.
-- user_id: the application's id, null for the whole; broken, active: users; failures, executed: syncs
with by_user as (
    select
        user_id,
        count(*) filter (where result = 'success') as successes,
        count(*) filter (where result = 'failure') as failures
    from sync_metrics
    -- First and simple: most rows are skipped ones, and need not be looked at any further.
    where result <> 'skipped'
        and created_at >= %(window_start)s
        and created_at < %(as_of)s
    group by user_id
),

worst as (
    select
        coalesce(user_id::text, '(none)') as user_id,
        failures,
        successes + failures as executed
    from by_user
    where failures > 0
    order by failures desc, user_id
    limit 1
)

select
    null as user_id,
    count(*) filter (where successes = 0) as broken,
    count(*) as active,
    null as failures,
    null as executed
from by_user
where successes + failures >= 2
union all
select user_id, null, null, failures, executed
from worst
