-- What migrations 101 to 104 must have made, and whether it is there and valid: by meaning, never by
-- the name of an index or constraint.
-- migration, object: text; present: boolean; n: 1
with expected (migration, kind, table_name, columns, detail) as (values
    ('101', 'column', 'payments', 'captured_at', 'timestamp with time zone'),
    ('101', 'column', 'payments', 'provider_reference', 'text'),
    ('101', 'index', 'payments', 'id', '''pending'''),
    ('101', 'index', 'payments', 'provider,captured_at', 'whole'),
    ('102', 'table', 'payment_attempts', '', ''),
    ('102', 'column', 'payment_attempts', 'payment_id', 'bigint'),
    ('102', 'column', 'payment_attempts', 'provider', 'text'),
    ('102', 'column', 'payment_attempts', 'result', 'text'),
    ('102', 'column', 'payment_attempts', 'error_message', 'text'),
    ('102', 'column', 'payment_attempts', 'duration_ms', 'integer'),
    ('102', 'column', 'payment_attempts', 'created_at', 'timestamp with time zone'),
    ('102', 'foreign key', 'payment_attempts', 'payment_id', 'payments'),
    ('102', 'index', 'payment_attempts', 'payment_id', 'whole'),
    ('102', 'index', 'payment_attempts', 'created_at', 'whole'),
    ('102', 'check', 'payment_attempts', 'result', 'captured,declined,error'),
    ('103', 'table', 'settlements', '', ''),
    ('103', 'column', 'settlements', 'provider', 'text'),
    ('103', 'column', 'settlements', 'settled_from', 'timestamp with time zone'),
    ('103', 'column', 'settlements', 'settled_to', 'timestamp with time zone'),
    ('103', 'column', 'settlements', 'payments', 'integer'),
    ('103', 'column', 'settlements', 'amount_cents', 'bigint'),
    ('103', 'column', 'settlements', 'status', 'text'),
    ('103', 'index', 'settlements', 'provider,settled_to', 'whole'),
    ('103', 'check', 'settlements', 'status', 'settled,mismatched'),
    ('104', 'column', 'orders', 'channel', 'text')
),
wanted as (
    select e.*, string_to_array(e.columns, ',') as names, to_regclass(e.table_name) as relation
    from expected as e
),
keys as (
    select
        i.indrelid,
        pg_get_expr(i.indpred, i.indrelid) as predicate,
        array(
            select attname::text
            from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality as k (attnum, position)
            join pg_attribute as t on t.attrelid = i.indrelid and t.attnum = k.attnum
            order by k.position
        ) as names
    from pg_index as i
    where i.indisvalid and i.indisready and i.indrelid in (select relation from wanted)
)
select
    w.migration,
    concat_ws(' ', w.kind, w.table_name, nullif('(' || w.columns || ')', '()')) as object,
    coalesce(case w.kind
        when 'table' then w.relation is not null
        when 'column' then exists (
            select from pg_attribute as t
            where t.attrelid = w.relation and t.attname = w.columns and not t.attisdropped
                and format_type(t.atttypid, t.atttypmod) = w.detail
        )
        when 'index' then exists (
            select from keys as k
            where k.indrelid = w.relation and k.names = w.names
                and case w.detail
                    when 'whole' then k.predicate is null
                    else k.predicate like '%%' || w.detail || '%%'
                end
        )
        when 'foreign key' then exists (
            select from pg_constraint as f
            join pg_attribute as t on t.attrelid = f.conrelid and array[t.attnum] = f.conkey
            where f.conrelid = w.relation and f.contype = 'f' and f.convalidated
                and f.confrelid = to_regclass(w.detail) and f.confdeltype = 'c'
                and t.attname = w.columns
        )
        when 'check' then exists (
            select from pg_constraint as k
            where k.conrelid = w.relation and k.contype = 'c' and k.convalidated
                and pg_get_constraintdef(k.oid) like '%%' || w.columns || '%%'
                and (
                    select bool_and(pg_get_constraintdef(k.oid) like '%%''' || label || '''%%')
                    from unnest(string_to_array(w.detail, ',')) as label
                )
        )
    end, false) as present,
    1 as n
from wanted as w
order by w.migration, w.kind, w.table_name, w.columns
