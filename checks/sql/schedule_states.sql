-- Connected integrations, and those whose next sync is more than a day overdue.
-- integration: text; stale, connections: connections
select
    coalesce(integration_type, '(none)') as integration,
    count(*) filter (where next_sync_at < %(as_of)s::timestamp - interval '24 hours') as stale,
    count(*) as connections
from sync_schedule
group by integration_type
