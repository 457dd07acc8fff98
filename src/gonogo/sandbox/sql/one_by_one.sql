-- The newest rows once more, each in a transaction of its own, as the application writes them: by these
-- the gate sees in which order rows are written, and whether their times follow it.
do $$
declare
    event record;
begin
    for event in
        select stream, id
        from (
            (select 'sync_metrics' as stream, id, created_at from sync_metrics order by 3 desc limit 300)
            union all
            (select 'webhook_notifications', id, created_at from webhook_notifications order by 3 desc limit 100)
        ) as newest
        order by created_at
    loop
        begin
            if event.stream = 'sync_metrics' then
                update sync_metrics set id = id where id = event.id;
            else
                update webhook_notifications set id = id where id = event.id;
            end if;
        exception when division_by_zero then
            -- A block that may catch something is a transaction of its own; nothing is caught here.
            raise;
        end;
    end loop;
end
$$
