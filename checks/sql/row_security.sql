-- Measured tables of which row-level security may hide rows from this role.
-- hidden_tables: tables
select count(*) as hidden_tables
from unnest(array[
    'sync_metrics', 'sync_schedule', 'webhook_notifications', 'calendar_webhook_subscriptions',
    'token_health', 'token_health_notifications', 'circuit_breaker_state', 'users'
]) as measured (name)
where row_security_active(to_regclass(measured.name))
