-- Users with at least two executed syncs in the window, and those among them without a success.
-- broken, active: users
select
    count(*) filter (where successes = 0) as broken,
    count(*) as active
from (
    select user_id, count(*) filter (where result = 'success') as successes
    from sync_metrics
    -- First and simple: most rows are skipped ones, and need not be looked at any further.
    where result <> 'skipped'
        and created_at >= %(window_start)s
        and created_at < %(as_of)s
    group by user_id
    having count(*) filter (where result in ('success', 'failure')) >= 2
) as users
