-- What migrations 038 to 046 must have made, and whether it is there and valid: by meaning, never by
-- the name of an index or constraint, which differ between installations; nor by the type of a
-- column where they differ in it (detail '').
-- migration, object: text; present: boolean; n: 1
with expected (migration, kind, table_name, columns, detail) as (values
    ('038', 'column', 'users', 'is_admin', 'boolean'),
    ('038', 'column', 'users', 'admin_promoted_at', 'timestamp without time zone'),
    ('038', 'column', 'users', 'admin_promoted_by', 'character varying(255)'),
    ('038', 'index', 'users', 'is_admin', 'is_admin'),
    ('039', 'table', 'token_health', '', ''),
    ('039', 'column', 'token_health', 'id', 'uuid'),
    ('039', 'column', 'token_health', 'user_id', 'uuid'),
    ('039', 'column', 'token_health', 'integration_type', 'character varying(50)'),
    ('039', 'column', 'token_health', 'status', 'character varying(20)'),
    ('039', 'column', 'token_health', 'last_checked', 'timestamp without time zone'),
    ('039', 'column', 'token_health', 'expiry_date', 'timestamp without time zone'),
    ('039', 'column', 'token_health', 'error_message', 'text'),
    ('039', 'column', 'token_health', 'created_at', 'timestamp without time zone'),
    ('039', 'column', 'token_health', 'updated_at', 'timestamp without time zone'),
    ('039', 'foreign key', 'token_health', 'user_id', 'users'),
    ('039', 'unique', 'token_health', 'user_id,integration_type', ''),
    ('039', 'index', 'token_health', 'user_id,integration_type', 'whole'),
    ('039', 'index', 'token_health', 'status', 'whole'),
    ('039', 'index', 'token_health', 'expiry_date', '''expiring_soon'''),
    ('039', 'check', 'token_health', 'status', 'valid,expiring_soon,expired,revoked,unknown'),
    ('040', 'table', 'circuit_breaker_state', '', ''),
    ('040', 'column', 'circuit_breaker_state', 'id', 'uuid'),
    ('040', 'column', 'circuit_breaker_state', 'user_id', 'uuid'),
    ('040', 'column', 'circuit_breaker_state', 'integration_type', 'character varying(50)'),
    ('040', 'column', 'circuit_breaker_state', 'state', 'character varying(20)'),
    ('040', 'column', 'circuit_breaker_state', 'failure_count', 'integer'),
    ('040', 'column', 'circuit_breaker_state', 'last_failure_at', 'timestamp without time zone'),
    ('040', 'column', 'circuit_breaker_state', 'last_failure_reason', 'text'),
    ('040', 'column', 'circuit_breaker_state', 'opened_at', 'timestamp without time zone'),
    ('040', 'column', 'circuit_breaker_state', 'next_retry_at', 'timestamp without time zone'),
    ('040', 'column', 'circuit_breaker_state', 'created_at', 'timestamp without time zone'),
    ('040', 'column', 'circuit_breaker_state', 'updated_at', 'timestamp without time zone'),
    ('040', 'foreign key', 'circuit_breaker_state', 'user_id', 'users'),
    ('040', 'unique', 'circuit_breaker_state', 'user_id,integration_type', ''),
    ('040', 'index', 'circuit_breaker_state', 'user_id,integration_type', 'whole'),
    ('040', 'index', 'circuit_breaker_state', 'state', 'whole'),
    ('040', 'index', 'circuit_breaker_state', 'next_retry_at', '''open'''),
    ('040', 'check', 'circuit_breaker_state', 'state', 'closed,open,half_open'),
    ('041', 'table', 'sync_schedule', '', ''),
    ('041', 'column', 'sync_schedule', 'id', 'uuid'),
    ('041', 'column', 'sync_schedule', 'user_id', 'uuid'),
    ('041', 'column', 'sync_schedule', 'integration_type', 'character varying(50)'),
    ('041', 'column', 'sync_schedule', 'current_frequency_ms', 'bigint'),
    ('041', 'column', 'sync_schedule', 'default_frequency_ms', 'bigint'),
    ('041', 'column', 'sync_schedule', 'min_frequency_ms', 'bigint'),
    ('041', 'column', 'sync_schedule', 'max_frequency_ms', 'bigint'),
    ('041', 'column', 'sync_schedule', 'consecutive_no_changes', 'integer'),
    ('041', 'column', 'sync_schedule', 'last_sync_at', 'timestamp without time zone'),
    ('041', 'column', 'sync_schedule', 'next_sync_at', 'timestamp without time zone'),
    ('041', 'column', 'sync_schedule', 'created_at', 'timestamp without time zone'),
    ('041', 'column', 'sync_schedule', 'updated_at', 'timestamp without time zone'),
    ('041', 'foreign key', 'sync_schedule', 'user_id', 'users'),
    ('041', 'unique', 'sync_schedule', 'user_id,integration_type', ''),
    ('041', 'index', 'sync_schedule', 'user_id,integration_type', 'whole'),
    ('041', 'index', 'sync_schedule', 'next_sync_at,integration_type', 'whole'),
    ('042', 'table', 'calendar_webhook_subscriptions', '', ''),
    ('042', 'column', 'calendar_webhook_subscriptions', 'id', 'uuid'),
    ('042', 'column', 'calendar_webhook_subscriptions', 'user_id', 'uuid'),
    ('042', 'column', 'calendar_webhook_subscriptions', 'channel_id', 'character varying(255)'),
    ('042', 'column', 'calendar_webhook_subscriptions', 'resource_id', ''),
    ('042', 'column', 'calendar_webhook_subscriptions', 'resource_uri', 'text'),
    ('042', 'column', 'calendar_webhook_subscriptions', 'expiration', 'timestamp without time zone'),
    ('042', 'column', 'calendar_webhook_subscriptions', 'token', 'character varying(255)'),
    ('042', 'column', 'calendar_webhook_subscriptions', 'created_at', 'timestamp without time zone'),
    ('042', 'column', 'calendar_webhook_subscriptions', 'updated_at', 'timestamp without time zone'),
    ('042', 'foreign key', 'calendar_webhook_subscriptions', 'user_id', 'users'),
    ('042', 'unique', 'calendar_webhook_subscriptions', 'user_id', ''),
    ('042', 'unique', 'calendar_webhook_subscriptions', 'channel_id', ''),
    ('042', 'index', 'calendar_webhook_subscriptions', 'channel_id', 'whole'),
    ('042', 'index', 'calendar_webhook_subscriptions', 'expiration', 'whole'),
    ('042', 'index', 'calendar_webhook_subscriptions', 'user_id', 'whole'),
    ('043', 'table', 'sync_metrics', '', ''),
    ('043', 'column', 'sync_metrics', 'id', 'uuid'),
    ('043', 'column', 'sync_metrics', 'user_id', 'uuid'),
    ('043', 'column', 'sync_metrics', 'integration_type', 'character varying(50)'),
    ('043', 'column', 'sync_metrics', 'sync_type', 'character varying(20)'),
    ('043', 'column', 'sync_metrics', 'result', 'character varying(20)'),
    ('043', 'column', 'sync_metrics', 'skip_reason', 'character varying(50)'),
    ('043', 'column', 'sync_metrics', 'duration_ms', 'integer'),
    ('043', 'column', 'sync_metrics', 'items_processed', 'integer'),
    ('043', 'column', 'sync_metrics', 'api_calls_made', 'integer'),
    ('043', 'column', 'sync_metrics', 'api_calls_saved', 'integer'),
    ('043', 'column', 'sync_metrics', 'error_message', 'text'),
    ('043', 'column', 'sync_metrics', 'created_at', 'timestamp without time zone'),
    ('043', 'foreign key', 'sync_metrics', 'user_id', 'users'),
    ('043', 'index', 'sync_metrics', 'user_id,integration_type', 'whole'),
    ('043', 'index', 'sync_metrics', 'created_at', 'whole'),
    ('043', 'index', 'sync_metrics', 'result', 'whole'),
    ('043', 'check', 'sync_metrics', 'sync_type', 'full,incremental,webhook_triggered,manual'),
    ('043', 'check', 'sync_metrics', 'result', 'success,failure,skipped'),
    ('044', 'table', 'token_health_notifications', '', ''),
    ('044', 'column', 'token_health_notifications', 'id', 'uuid'),
    ('044', 'column', 'token_health_notifications', 'user_id', 'uuid'),
    ('044', 'column', 'token_health_notifications', 'integration_type', 'character varying(50)'),
    ('044', 'column', 'token_health_notifications', 'notification_type', ''),
    ('044', 'column', 'token_health_notifications', 'message', 'text'),
    ('044', 'column', 'token_health_notifications', 're_auth_link', 'text'),
    ('044', 'column', 'token_health_notifications', 'resolved_at', 'timestamp without time zone'),
    ('044', 'column', 'token_health_notifications', 'reminder_sent_at', 'timestamp without time zone'),
    ('044', 'column', 'token_health_notifications', 'created_at', 'timestamp without time zone'),
    ('044', 'column', 'token_health_notifications', 'updated_at', 'timestamp without time zone'),
    ('044', 'foreign key', 'token_health_notifications', 'user_id', 'users'),
    ('044', 'index', 'token_health_notifications', 'user_id', 'whole'),
    ('044', 'index', 'token_health_notifications', 'user_id,integration_type', 'whole'),
    ('044', 'partial indexes', 'token_health_notifications', '', '2'),
    ('044', 'check', 'token_health_notifications', 'notification_type', 'token_invalid,token_expiring_soon'),
    ('045', 'column', 'sync_schedule', 'onboarding_until', 'timestamp without time zone'),
    ('046', 'table', 'webhook_notifications', '', ''),
    ('046', 'column', 'webhook_notifications', 'id', 'uuid'),
    ('046', 'column', 'webhook_notifications', 'user_id', 'uuid'),
    ('046', 'column', 'webhook_notifications', 'channel_id', ''),
    ('046', 'column', 'webhook_notifications', 'resource_id', ''),
    ('046', 'column', 'webhook_notifications', 'resource_state', 'character varying(50)'),
    ('046', 'column', 'webhook_notifications', 'result', 'character varying(20)'),
    ('046', 'column', 'webhook_notifications', 'error_message', 'text'),
    ('046', 'column', 'webhook_notifications', 'created_at', 'timestamp without time zone'),
    ('046', 'foreign key', 'webhook_notifications', 'user_id', 'users'),
    ('046', 'index', 'webhook_notifications', 'created_at', 'whole'),
    ('046', 'index', 'webhook_notifications', 'result', 'whole'),
    ('046', 'index', 'webhook_notifications', 'user_id', 'whole'),
    ('046', 'check', 'webhook_notifications', 'result', 'success,failure,ignored')
),
-- The application's schema is the one whose `users` the role sees; tables elsewhere do not count.
application as (
    select relnamespace as schema from pg_class where oid = to_regclass('users')
),
wanted as (
    select e.*, string_to_array(e.columns, ',') as names, c.oid as relation
    from expected as e
    left join application as a on true
    left join pg_class as c
        on c.relnamespace = a.schema and c.relname = e.table_name and c.relkind in ('r', 'p')
),
keys as (
    select
        i.indrelid,
        i.indisunique,
        pg_get_expr(i.indpred, i.indrelid) as predicate,
        array(
            select attname::text
            from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality as k (attnum, position)
            join pg_attribute as t on t.attrelid = i.indrelid and t.attnum = k.attnum
            order by k.position
        ) as names
    from pg_index as i
    where i.indisvalid and i.indisready
        and i.indrelid in (select relation from wanted)
)
select
    w.migration,
    concat_ws(' ', w.kind, w.table_name, nullif('(' || w.columns || ')', '()')) as object,
    coalesce(case w.kind
        when 'table' then w.relation is not null
        when 'column' then exists (
            select from pg_attribute as t
            where t.attrelid = w.relation and t.attname = w.columns and not t.attisdropped
                and w.detail in (format_type(t.atttypid, t.atttypmod), '')
        )
        when 'unique' then exists (
            select from keys as k
            where k.indrelid = w.relation and k.indisunique and k.predicate is null
                and k.names @> w.names and k.names <@ w.names
        )
        when 'index' then exists (
            select from keys as k
            where k.indrelid = w.relation and k.names = w.names
                and case w.detail
                    when 'whole' then k.predicate is null
                    else k.predicate like '%%' || w.detail || '%%'
                end
        )
        when 'partial indexes' then (
            select count(*) >= w.detail::integer from keys as k
            where k.indrelid = w.relation and k.predicate is not null
        )
        when 'foreign key' then exists (
            select from pg_constraint as f
            join pg_attribute as t on t.attrelid = f.conrelid and array[t.attnum] = f.conkey
            where f.conrelid = w.relation and f.contype = 'f' and f.convalidated
                and f.confrelid = to_regclass(w.detail) and f.confdeltype = 'c'
                -- Null would be a row of nobody's.
                and t.attname = w.columns and t.attnotnull
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
