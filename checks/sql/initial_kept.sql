-- Whether the table that this project's own 043 made still takes a first sync's label; no row where
-- gonogo did not make it.
-- refusing: check constraints that name the other labels without it
select (
    select count(*)
    from pg_constraint as c
    where c.conrelid = to_regclass('sync_metrics')
        and c.contype = 'c'
        and pg_get_constraintdef(c.oid) like '%%webhook_triggered%%'
        and pg_get_constraintdef(c.oid) not like '%%''initial''%%'
) as refusing
from gonogo.migration
where version = '043' and not adopted and reverted_at is null
