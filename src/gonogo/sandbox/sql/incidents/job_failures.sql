-- Tried again every hour. The job's earlier runs, which succeeded, stay where they are.
insert into gonogo.job_run (job_name, started_at, finished_at, succeeded, error)
select
    'webhook_renewal',
    %(as_of)s::timestamptz - n * interval '1 hour',
    %(as_of)s::timestamptz - n * interval '1 hour' + interval '2 seconds',
    false,
    'HTTP 400 from Google: push.webhookUrlUnauthorized'
from generate_series(1, 5) as n
