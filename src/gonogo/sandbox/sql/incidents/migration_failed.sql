insert into gonogo.migration_attempt (deployment_id, version, started_at, finished_at, outcome,
    sqlstate, error)
select
    id,
    '046',
    %(as_of)s::timestamptz - interval '10 minutes',
    %(as_of)s::timestamptz - interval '10 minutes' + interval '250 milliseconds',
    'failed',
    '55P03',
    'canceling statement due to lock timeout'
from gonogo.deployment
order by id desc
limit 1
