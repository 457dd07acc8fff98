-- How the rollout stands in the ledger.
-- succeeded: 1 or 0, of the latest deployment that was not rolled back, of the latest when each was;
-- null without one; failed_migrations: migrations whose latest attempt failed, those of a rolled-back
-- deployment left out; rollbacks: deployments rolled back in the window, but for attempts in which
-- the application never came up, as far as the ledger knows (its version 3)
select
    (
        select (outcome = 'succeeded')::integer from gonogo.deployment
        where environment = %(environment)s
        order by (outcome <> 'rolled_back') desc, id desc limit 1
    ) as succeeded,
    (
        select count(*) from gonogo.migration_attempt as a
        join gonogo.deployment as d on d.id = a.deployment_id
        where a.outcome = 'failed'
            and d.outcome <> 'rolled_back'
            and not exists (
                select from gonogo.migration_attempt as later
                where later.version = a.version and later.id > a.id
            )
    ) as failed_migrations,
    (
        select (
            select count(*) from gonogo.deployment
            where environment = %(environment)s
                and rolled_back_at >= %(window_start)s::timestamp
                and rolled_back_at < %(as_of)s::timestamp
                and served is not false
        )
        -- Stands in for the column where the ledger is of an older version.
        from (select null::boolean as served) as unknown
    ) as rollbacks
