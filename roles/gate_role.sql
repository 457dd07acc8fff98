-- The gate's role: it may read the columns that the surveys in checks/sql name, and what the reader of
-- the ledger asks for, and nothing else. Made by `gonogo grants`; do not edit it.
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

-- A table that is only looked up by name needs no more than usage of its schema. What was granted on a
-- whole table by an earlier version is taken back first; a ledger that is not there is passed over.
select format('grant usage on schema %I to %I', :'schema'::text, :'role'::text) \gexec
select format('revoke select on table %I.%I from %I', n.nspname, c.relname, :'role'::text)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = :'schema'
    and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and c.relname in (
        'calendar_webhook_subscriptions',
        'circuit_breaker_state',
        'sync_metrics',
        'sync_schedule',
        'token_health',
        'token_health_notifications',
        'users',
        'webhook_notifications'
    ) \gexec
select format(
    'grant select (%s) on table %I.%I to %I',
    string_agg(quote_ident(a.attname), ', ' order by a.attnum), n.nspname, c.relname, :'role'::text
)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and not a.attisdropped
left join pg_index as k on k.indrelid = c.oid and k.indisprimary
join (values
    ('calendar_webhook_subscriptions', 'created_at'),
    ('calendar_webhook_subscriptions', 'expiration'),
    ('calendar_webhook_subscriptions', 'updated_at'),
    ('calendar_webhook_subscriptions', 'user_id'),
    ('circuit_breaker_state', 'integration_type'),
    ('circuit_breaker_state', 'next_retry_at'),
    ('circuit_breaker_state', 'opened_at'),
    ('circuit_breaker_state', 'state'),
    ('circuit_breaker_state', 'updated_at'),
    ('circuit_breaker_state', 'user_id'),
    ('sync_metrics', 'api_calls_made'),
    ('sync_metrics', 'api_calls_saved'),
    ('sync_metrics', 'created_at'),
    ('sync_metrics', 'ctid'),
    ('sync_metrics', 'duration_ms'),
    ('sync_metrics', 'error_message'),
    ('sync_metrics', 'id'),
    ('sync_metrics', 'integration_type'),
    ('sync_metrics', 'result'),
    ('sync_metrics', 'skip_reason'),
    ('sync_metrics', 'sync_type'),
    ('sync_metrics', 'user_id'),
    ('sync_metrics', 'xmin'),
    ('sync_schedule', 'created_at'),
    ('sync_schedule', 'integration_type'),
    ('sync_schedule', 'next_sync_at'),
    ('sync_schedule', 'onboarding_until'),
    ('sync_schedule', 'user_id'),
    ('token_health', 'created_at'),
    ('token_health', 'expiry_date'),
    ('token_health', 'integration_type'),
    ('token_health', 'last_checked'),
    ('token_health', 'status'),
    ('token_health', 'user_id'),
    ('token_health_notifications', 'created_at'),
    ('token_health_notifications', 'reminder_sent_at'),
    ('token_health_notifications', 'resolved_at'),
    ('users', 'created_at'),
    ('users', 'id'),
    ('webhook_notifications', 'created_at'),
    ('webhook_notifications', 'ctid'),
    ('webhook_notifications', 'error_message'),
    ('webhook_notifications', 'id'),
    ('webhook_notifications', 'result'),
    ('webhook_notifications', 'user_id'),
    ('webhook_notifications', 'xmin')
) as readable (table_name, column_name)
    on readable.table_name = c.relname
    and (
        readable.column_name = a.attname
        or (readable.column_name = '' and a.attnum = any(k.indkey))
    )
where n.nspname = :'schema' and c.relkind in ('r', 'p', 'v', 'm', 'f')
group by n.nspname, c.relname
order by c.relname \gexec
select format('grant usage on schema gonogo to %I', :'role'::text)
from pg_namespace where nspname = 'gonogo' \gexec
select format('grant select on table gonogo.%I to %I', c.relname, :'role'::text)
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
