-- The floor: nobody who looks at every row of the window is faster.
select count(*) from sync_metrics
where created_at >= %(window_start)s and created_at < %(as_of)s
