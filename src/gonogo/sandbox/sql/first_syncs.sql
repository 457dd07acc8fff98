-- The first sync of each new connection, within half a minute.
insert into sync_metrics (id, user_id, integration_type, sync_type, result, duration_ms,
    items_processed, api_calls_made, api_calls_saved, error_message, created_at)
select
    md5(format('initial:%%s:%%s', integration_type, user_id))::uuid,
    user_id,
    integration_type,
    'initial',
    case when failing then 'failure' else 'success' end,
    2000 + 6000 * pg_temp.uniform_of(user_id, 31),
    case when failing then 0 else 20 + 300 * pg_temp.uniform_of(user_id, 32) end,
    case when failing then 1 else 2 + 8 * pg_temp.uniform_of(user_id, 32) end,
    0,
    case when failing then (%(onboarding_errors)s::text[])[width_bucket(
        pg_temp.uniform_of(user_id, 33), %(onboarding_errors_bounds)s::double precision[])]
    end,
    connected_at + interval '3 seconds' + pg_temp.uniform_of(user_id, 34) * interval '25 seconds'
from connection
where fresh
