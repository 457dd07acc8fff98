-- Incidents of the ledger; one closed as void does not count.
-- critical (open, or opened in the window), open_critical, open_complaints: incidents
select
    count(*) filter (
        where kind = 'critical'
            and (
                closed_at is null
                or opened_at >= %(window_start)s::timestamp and opened_at < %(as_of)s::timestamp
            )
    ) as critical,
    count(*) filter (where kind = 'critical' and closed_at is null) as open_critical,
    count(*) filter (where kind = 'complaint' and closed_at is null) as open_complaints
from gonogo.incident
where not void
