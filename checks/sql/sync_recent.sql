-- The newest executed syncs of the window, newest first; of one integration (the part), or of all when null.
-- result: text; at: UTC, without time zone
select result, created_at as at
from sync_metrics
where created_at >= %(window_start)s
    and created_at < %(as_of)s
    and result in ('success', 'failure')
    and (%(part)s::text is null or integration_type = %(part)s::text)
order by created_at desc, id desc
limit %(most_recent)s
