-- Reported runs: failures of each job since its last success. A success from the future (later than
-- the window's end, the server's clock and what clocks may differ by) proves nothing.
-- job: text; failures: runs
select r.job_name as job, count(*) filter (
    where not r.succeeded and not exists (
        select from gonogo.job_run as later
        where later.job_name = r.job_name and later.succeeded and later.started_at > r.started_at
            and later.started_at <= greatest(%(as_of)s::timestamp at time zone 'UTC', now())
                + interval '5 minutes'
    )
) as failures
from gonogo.job_run as r
group by 1
