-- A small world in which every check is met: 40 users who connected both integrations after the
-- deployment, and two days of their traffic. Moments are given by how long before the end they lie.
create schema planted;

create function planted.ago(length interval) returns timestamp
language sql stable as $$
    select current_setting('planted.as_of')::timestamp - length
$$;

create view planted.person as
select id, row_number() over (order by email) as no from public.users;

create view planted.integration as
select unnest(array['google_contacts', 'google_calendar']) as name;

insert into sync_schedule (user_id, integration_type, current_frequency_ms, default_frequency_ms,
    min_frequency_ms, max_frequency_ms, next_sync_at, created_at, onboarding_until)
select id, name, 1, 1, 1, 1, planted.ago('-1 h'), planted.ago('48 h' - no * interval '1 min'),
    planted.ago('24 h' - no * interval '1 min')
from planted.person, planted.integration
where no <= 40;

update users set created_at = planted.ago('48 h') at time zone 'UTC'
where id in (select id from planted.person where no <= 40);

-- 240 executed and 800 skipped syncs: 76.9 % are skipped.
insert into sync_metrics (user_id, integration_type, sync_type, result, duration_ms, created_at)
select id, name, 'incremental', 'success', 500,
    planted.ago('48 h' - i * interval '15 h 53 min 20 s' - no * interval '23 min 50 s')
from planted.person, planted.integration, generate_series(0, 2) as i
where no <= 40;

insert into sync_metrics (user_id, integration_type, sync_type, result, skip_reason, created_at)
select id, name, 'incremental', 'skipped', 'not_due',
    planted.ago('47 h' - i * interval '4 h 40 min' - no * interval '7 min')
from planted.person, planted.integration, generate_series(0, 9) as i
where no <= 40;

insert into calendar_webhook_subscriptions (user_id, channel_id, resource_id, expiration,
    created_at, updated_at)
select id, format('channel %s', no), 'resource', planted.ago('-4 d'), planted.ago('3 d'),
    planted.ago('1 h')
from planted.person
where no <= 40;

-- 480 notifications: six a day and subscription.
insert into webhook_notifications (user_id, channel_id, resource_state, result, created_at)
select id, format('channel %s', no), 'exists', 'success',
    planted.ago('47 h' - i * interval '4 h' - no * interval '4 min')
from planted.person, generate_series(0, 11) as i
where no <= 40;

insert into token_health (user_id, integration_type, status, last_checked)
select id, name, 'valid', planted.ago('1 h')
from planted.person, planted.integration
where no <= 40;

insert into circuit_breaker_state (user_id, integration_type, state)
select id, name, 'closed'
from planted.person, planted.integration
where no <= 40;

insert into gonogo.job_run (job_name, started_at, succeeded)
values ('token refresh', planted.ago('9 h') at time zone 'UTC', true);

-- Some hours once more, each row in a transaction of its own: so the order of writing is known.
do $$
declare
    written uuid;
begin
    for written in
        select id from webhook_notifications order by created_at, id limit 60 offset 100
    loop
        begin
            update webhook_notifications set id = id where id = written;
        exception when division_by_zero then
            raise;
        end;
    end loop;
end
$$;

-- What the faults below are planted with: so many of the oldest, so that nothing is wrong of late.
create function planted.fail_syncs(times bigint) returns void
language sql as $$
    update sync_metrics set result = 'failure' where id in (
        select id from sync_metrics where result = 'success' order by created_at, id limit times
    )
$$;

-- So many of those of the last 23 hours, at even distances.
create function planted.fall(times bigint) returns void
language sql as $$
    update sync_metrics set result = 'failure' where id in (
        select id from (
            select id, row_number() over (order by created_at, id) as place, count(*) over () as n
            from sync_metrics
            where result = 'success' and created_at > planted.ago('23 h')
        ) as since
        where place * times % n < times
    )
$$;

create function planted.fail_notifications(times bigint) returns void
language sql as $$
    update webhook_notifications set result = 'failure' where id in (
        select id from webhook_notifications where result = 'success'
        order by created_at, id limit times
    )
$$;

-- New users so many of whom never had a success in one integration, taken in turns.
create function planted.fail_newcomers(times bigint) returns void
language sql as $$
    delete from sync_metrics as m using planted.person
    where m.user_id = person.id and no <= times and m.result = 'success'
        and m.integration_type
            = case when no % 2 = 0 then 'google_contacts' else 'google_calendar' end
$$;

-- So many of the newest never had one.
create function planted.fail_newest(times bigint) returns void
language sql as $$
    delete from sync_metrics as m using planted.person
    where m.user_id = person.id and no between 41 - times and 40 and m.result = 'success'
        and m.integration_type
            = case when no % 2 = 0 then 'google_contacts' else 'google_calendar' end
$$;

-- New users from one to another whose onboarding_until was never set.
create function planted.forget_onboarding(first bigint, last bigint) returns void
language sql as $$
    update sync_schedule set onboarding_until = null
    where user_id in (select id from planted.person where no between first and last)
$$;

-- Users so many of whom had two syncs, which failed; connected long ago, so no newcomers.
create function planted.break_users(times bigint) returns void
language sql as $$
    update sync_schedule set onboarding_until = null
    where user_id in (select id from planted.person where no <= times);
    update users set created_at = '2023-01-09 08:00:00+00'
    where id in (select id from planted.person where no <= times);
    delete from sync_metrics as m using planted.person
    where m.user_id = person.id and no <= times and m.result = 'success'
        and m.created_at > planted.ago('26 h');
    update sync_metrics set result = 'failure'
    where result = 'success' and user_id in (select id from planted.person where no <= times)
$$;

-- Nothing is synchronised from one moment to another; what was to be, was so before.
create function planted.pause(since interval, until interval) returns void
language sql as $$
    update sync_metrics set created_at = created_at - (since - until)
    where created_at > planted.ago(since) and created_at < planted.ago(until);
    insert into sync_metrics (user_id, integration_type, sync_type, result, created_at)
    select id, name, 'incremental', 'skipped', planted.ago(at)
    from planted.person, planted.integration, unnest(array[since, until]) as at
    where no = 1
$$;

-- The newest sync of these results is so old, in both integrations.
create function planted.silence(results text[], length interval) returns void
language sql as $$
    delete from sync_metrics where result = any(results) and created_at > planted.ago(length);
    insert into sync_metrics (user_id, integration_type, sync_type, result, created_at)
    select id, name, 'incremental', each, planted.ago(length)
    from planted.person, planted.integration, unnest(results) as each
    where no = 1
$$;

-- The newest notification is so old.
create function planted.quiet(length interval) returns void
language sql as $$
    delete from webhook_notifications where created_at > planted.ago(length);
    insert into webhook_notifications (user_id, channel_id, resource_state, result, created_at)
    select id, 'channel 1', 'exists', 'success', planted.ago(length) from planted.person where no = 1
$$;

-- New users connect one by one until so long ago, and nobody since.
create function planted.connect_until(length interval) returns void
language sql as $$
    update sync_schedule as s
    set created_at = planted.ago('47 h' - ('47 h' - length) * ((no - 1) / 39.0))
    from planted.person where person.id = s.user_id and no <= 40
$$;

-- A job runs each hour until so long ago.
create function planted.run_until(length interval) returns void
language sql as $$
    insert into gonogo.job_run (job_name, started_at, succeeded)
    select 'reminders', (planted.ago(length) - i * interval '1 h') at time zone 'UTC', true
    from generate_series(0, 46) as i
$$;

-- 20 more users, connected long ago; five of them with ten open breakers, so many of them stuck.
create function planted.stick_breakers(times bigint) returns void
language sql as $$
    insert into sync_schedule (user_id, integration_type, current_frequency_ms,
        default_frequency_ms, min_frequency_ms, max_frequency_ms, next_sync_at)
    select id, 'google_contacts', 1, 1, 1, 1, planted.ago('-1 h') from planted.person where no > 40;
    update circuit_breaker_state set state = 'open'
    where user_id in (select id from planted.person where no <= 5);
    update circuit_breaker_state set next_retry_at = planted.ago('25 h') where id in (
        select id from circuit_breaker_state where state = 'open' order by id limit times
    )
$$;

-- Every connection is due within 30 days, but so many; of both integrations in turns.
create function planted.put_off(times bigint) returns void
language sql as $$
    update sync_schedule set next_sync_at = planted.ago('-30 d');
    update sync_schedule set next_sync_at = planted.ago('-30 d -0.000001 s') where id in (
        select s.id from sync_schedule as s join planted.person on person.id = user_id
        order by no, integration_type limit times
    )
$$;

-- So many contacts are scheduled no longer.
create function planted.forget_contacts(times bigint) returns void
language sql as $$
    delete from sync_schedule where integration_type = 'google_contacts'
        and user_id in (select id from planted.person where no <= times)
$$;

-- So many of the skipped syncs were skipped for this reason.
create function planted.skip_for(reason text, times bigint) returns void
language sql as $$
    update sync_metrics set skip_reason = reason where id in (
        select id from sync_metrics where result = 'skipped' order by created_at, id limit times
    )
$$;

-- Every token was checked just in time, but so many.
create function planted.leave_unchecked(times bigint) returns void
language sql as $$
    update token_health set last_checked = planted.ago('26 h');
    update token_health set last_checked = planted.ago('26 h 0.000001 s') where id in (
        select id from token_health order by id limit times
    )
$$;

-- 20 breakers are half open, so many of them for longer than a day.
create function planted.half_open_breakers(times bigint) returns void
language sql as $$
    update circuit_breaker_state set state = 'half_open', updated_at = planted.ago('24 h')
    where user_id in (select id from planted.person where no <= 10);
    update circuit_breaker_state set updated_at = planted.ago('24 h 0.000001 s') where id in (
        select id from circuit_breaker_state where state = 'half_open' order by id limit times
    )
$$;

-- From this moment on nothing is scheduled; what is executed was set off by webhooks.
create function planted.stop_scheduler(since interval) returns void
language sql as $$
    update sync_metrics set created_at = least(created_at, planted.ago(since))
    where result = 'skipped';
    update sync_metrics set sync_type = 'webhook_triggered'
    where result = 'success' and created_at > planted.ago(since)
$$;

create function planted.deployed(how text) returns void
language sql as $$
    insert into gonogo.deployment (environment, revision, previous_revision, migrations_sha256,
        criteria_sha256, deployed_by, outcome)
    select environment, 'after', 'before', '', '', 'tests', how
    from gonogo.deployment order by id limit 1
$$;

create function planted.read_as_a_role(bypasses boolean) returns void
language plpgsql as $$
declare
    reader text := format('planted_%s', pg_backend_pid());
begin
    alter table token_health_notifications enable row level security;
    execute format('create role %I %s', reader, case when bypasses then 'bypassrls' end);
    execute format('grant select on all tables in schema public, gonogo to %I', reader);
    execute format('grant usage on schema gonogo to %I', reader);
    perform set_config('role', reader, true);
end
$$;

-- A busy stream, six syncs a minute for five hours, in the healthy proportion, up to a moment.
create function planted.hurry(until interval) returns void
language sql as $$
    insert into sync_metrics (user_id, integration_type, sync_type, result, created_at)
    select id, name, 'incremental', case when i % 13 < 3 then 'success' else 'skipped' end,
        planted.ago(until + i * interval '10 s')
    from generate_series(0, 1799) as i
    join planted.person on no = 1 + i % 40
    cross join planted.integration
    where (name = 'google_contacts') = (i % 2 = 0)
$$;

-- Writers at work, each row in a transaction of its own, every fourth by a writer whose clock is behind:
-- so much behind the third of the rows before it, which gives the moment of writing.
create function planted.write_behind(delay interval) returns void
language plpgsql as $$
begin
    for i in 0..399 loop
        begin
            insert into sync_metrics (user_id, integration_type, sync_type, result, created_at)
            select id, 'google_contacts', 'incremental',
                case when i % 13 < 3 then 'success' else 'skipped' end,
                case when i % 4 = 3 then planted.ago('70 min' - (i - 3) * interval '10 s') - delay
                    else planted.ago('70 min' - i * interval '10 s')
                end
            from planted.person where no = 1 + i % 40;
        exception when division_by_zero then
            raise;
        end;
    end loop;
end
$$;

-- Notifications lie in the one partition that there is.
create function planted.partition(since interval) returns void
language plpgsql as $$
begin
    alter table webhook_notifications rename to whole;
    create table webhook_notifications (
        like whole including defaults including constraints,
        foreign key (user_id) references users (id) on delete cascade
    ) partition by range (created_at);
    create index on webhook_notifications (created_at);
    create index on webhook_notifications (result);
    create index on webhook_notifications (user_id);
    execute format('alter table webhook_notifications attach partition whole '
        'for values from (%L) to (maxvalue)', planted.ago(since));
end
$$;

-- What a standby would say of itself: its functions, before the server's own.
create function planted.stand_by(
    behind interval, paused boolean default false, heard interval default null
) returns void
language plpgsql as $$
begin
    create schema standby;
    create function standby.pg_is_in_recovery() returns boolean language sql as 'select true';
    execute format('create function standby.pg_is_wal_replay_paused() returns boolean '
        'language sql as $f$ select %L::boolean $f$', paused);
    execute format('create function standby.pg_last_xact_replay_timestamp() returns timestamptz '
        'language sql as $f$ select now() - interval %L $f$', behind);
    create function standby.pg_last_wal_replay_lsn() returns pg_lsn
        language sql as 'select ''0/1''::pg_lsn';
    execute format('create view standby.pg_stat_wal_receiver as select ''streaming'' as status, '
        '''0/1''::pg_lsn as latest_end_lsn, now() - %L::interval as last_msg_receipt_time', heard);
    perform set_config('search_path', 'standby, pg_catalog, public', true);
end
$$;
