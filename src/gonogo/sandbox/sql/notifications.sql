-- Notifications of some hours, oldest first. Google confirms channels with resource_state sync.
insert into webhook_notifications (id, user_id, channel_id, resource_id, resource_state, result,
    error_message, created_at)
select
    md5(%(stream)s || 'n' || no)::uuid,
    user_id,
    channel_id,
    resource_id,
    case
        when result = 'ignored' then 'sync'
        when pg_temp.uniform(no, 64) < 0.97 then 'exists'
        else 'not_exists'
    end,
    result,
    case when result = 'failure' then (%(webhooks_errors)s::text[])[width_bucket(
        pg_temp.uniform(no, 65), %(webhooks_errors_bounds)s::double precision[])]
    end,
    created_at
from (
    select
        moment.*,
        c.user_id,
        c.channel_id,
        c.resource_id,
        case
            when pg_temp.uniform(no, 62) < %(webhooks_ignored)s::double precision then 'ignored'
            when pg_temp.uniform(no, 63) < %(webhooks_success)s::double precision then 'success'
            else 'failure'
        end as result
    from (
        select
            first_notification + i as no,
            starts_at + floor(
                (i - 1 + pg_temp.uniform(first_notification + i, 60)) / notifications * length_us
            ) * interval '1 microsecond' as created_at,
            channels
        from hour
        cross join lateral generate_series(1, notifications) as i
        where no between %(first_hour)s and %(last_hour)s
    ) as moment
    join channel as c on c.rank = 1 + floor(pg_temp.uniform(no, 61) * channels)::integer
) as drawn
