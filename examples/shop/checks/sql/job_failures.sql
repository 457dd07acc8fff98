-- Reported runs: failures of each job since its last success.
-- job: text; failures: runs
select r.job_name as job, count(*) filter (
    where not r.succeeded and not exists (
        select from gonogo.job_run as later
        where later.job_name = r.job_name and later.succeeded and later.started_at > r.started_at
    )
) as failures
from gonogo.job_run as r
group by 1
