-- The gate's role: it may read what the surveys and the ledger's reader ask for, and nothing else.
-- Run it with psql, as the owner of the tables, on the application's database:
--
--     psql -v role=gonogo_gate -v schema=public -f roles/gate_role.sql "$DATABASE_URL"
--
-- Both variables may be left out. It can be run again, and must be after each deployment, because
-- new tables need grants too; a deployment does that itself when rollout.toml names `gate_role`.
-- No pg_read_all_data: that reads password hashes and tokens. docs/gate-role.md says how to log in.
\set ON_ERROR_STOP on
\if :{?role}
\else
    \set role gonogo_gate
\endif
\if :{?schema}
\else
    \set schema public
\endif

begin;

-- Without login and password: who logs in is said elsewhere, never in a file under version control.
select format('create role %I nologin', :'role')
where to_regrole(quote_ident(:'role')) is null \gexec

-- What is `users` only looked up by name: usage on the schema suffices, no right on the table.
grant usage on schema :"schema" to :"role";
select format('grant select on table %I.%I to %I', n.nspname, c.relname, :'role')
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = :'schema'
    and c.relkind in ('r', 'p')
    and c.relname in (
        'circuit_breaker_state',
        'sync_metrics',
        'sync_schedule',
        'token_health',
        'webhook_notifications'
    ) \gexec

-- Two tables hold secrets too: the token that Google's notifications carry, and links by which users
-- sign in anew. Of these, column by column; an earlier version granted the whole tables.
select format('revoke select on table %I.%I from %I', n.nspname, c.relname, :'role')
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = :'schema'
    and c.relkind in ('r', 'p')
    and c.relname in ('calendar_webhook_subscriptions', 'token_health_notifications') \gexec
select format(
    'grant select (%s) on table %I.%I to %I',
    string_agg(quote_ident(a.attname), ', '), n.nspname, c.relname, :'role'
)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join (values
    ('calendar_webhook_subscriptions', 'id'),
    ('calendar_webhook_subscriptions', 'user_id'),
    ('calendar_webhook_subscriptions', 'channel_id'),
    ('calendar_webhook_subscriptions', 'expiration'),
    ('calendar_webhook_subscriptions', 'created_at'),
    ('calendar_webhook_subscriptions', 'updated_at'),
    ('token_health_notifications', 'id'),
    ('token_health_notifications', 'user_id'),
    ('token_health_notifications', 'integration_type'),
    ('token_health_notifications', 'notification_type'),
    ('token_health_notifications', 'resolved_at'),
    ('token_health_notifications', 'reminder_sent_at'),
    ('token_health_notifications', 'created_at'),
    ('token_health_notifications', 'updated_at')
) as readable (table_name, column_name)
    on readable.table_name = c.relname and readable.column_name = a.attname
where n.nspname = :'schema' and c.relkind in ('r', 'p')
group by n.nspname, c.relname \gexec

-- The ledger; a database that gonogo did not deploy has none.
select format('grant usage on schema gonogo to %I', :'role')
from pg_namespace where nspname = 'gonogo' \gexec
select format('grant select on table gonogo.%I to %I', c.relname, :'role')
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'gonogo'
    and c.relname in (
        'deployment',
        'environment',
        'incident',
        'job_run',
        'migration',
        'migration_attempt'
    ) \gexec

commit;
