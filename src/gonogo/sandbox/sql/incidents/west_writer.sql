-- Two writers at work, row by row: what every second one wrote carries the time of a zone in the west.
do $$
declare
    event record;
begin
    -- What was written row by row before is one bulk now: it tells of no moment.
    update webhook_notifications set id = id where created_at >= %(at)s::timestamp;
    for event in
        select id, row_number() over (order by created_at) as no
        from (
            select id, created_at from sync_metrics where created_at >= %(at)s::timestamp
            order by created_at desc limit 3000
        ) as newest
        order by created_at
    loop
        begin
            update sync_metrics
            set created_at = created_at - (event.no %% 2) * interval '11 hours'
            where id = event.id;
        exception when division_by_zero then
            raise;
        end;
    end loop;
end
$$
