-- Whether a first sync's label may be written: no check constraint names the other labels without it.
-- allows_initial: 1 or 0
select coalesce(min((pg_get_constraintdef(c.oid) like '%%''initial''%%')::integer), 1)
    as allows_initial
from pg_constraint as c
where c.conrelid = 'sync_metrics'::regclass
    and c.contype = 'c'
    and pg_get_constraintdef(c.oid) like '%%webhook_triggered%%'
