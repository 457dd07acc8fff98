-- The two large tables, partitioned by day: what an administrator does once they are too large.
alter table sync_metrics rename to whole_sync_metrics;
create table sync_metrics (
    like whole_sync_metrics including defaults including constraints,
    primary key (id, created_at),
    foreign key (user_id) references users (id) on delete cascade
) partition by range (created_at);
create index on sync_metrics (user_id, integration_type);
create index on sync_metrics (created_at);
create index on sync_metrics (result);

alter table webhook_notifications rename to whole_webhook_notifications;
create table webhook_notifications (
    like whole_webhook_notifications including defaults including constraints,
    primary key (id, created_at),
    foreign key (user_id) references users (id) on delete cascade
) partition by range (created_at);
create index on webhook_notifications (created_at);
create index on webhook_notifications (result);
create index on webhook_notifications (user_id);

do $$
declare
    name text;
    day date;
    newest date;
begin
    foreach name in array array['sync_metrics', 'webhook_notifications'] loop
        execute format('select min(created_at), max(created_at) from whole_%s', name)
            into day, newest;
        execute format(
            'create table %s_old partition of %1$s for values from (minvalue) to (%L)', name, day
        );
        while day <= newest loop
            execute format(
                'create table %s partition of %I for values from (%L) to (%L)',
                name || to_char(day, '_YYYYMMDD'), name, day, day + 1
            );
            day := day + 1;
        end loop;
        execute format(
            'create table %s_new partition of %1$s for values from (%L) to (maxvalue)', name, day
        );
        execute format('insert into %s select * from whole_%1$s', name);
        execute format('drop table whole_%s', name);
    end loop;
end
$$;
analyze sync_metrics, webhook_notifications;
