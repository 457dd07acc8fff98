-- The syncs of some hours, oldest first, each by a connection that exists when its hour begins.
insert into sync_metrics (id, user_id, integration_type, sync_type, result, skip_reason,
    duration_ms, items_processed, api_calls_made, api_calls_saved, error_message, created_at)
select
    md5(%(stream)s || no)::uuid,
    user_id,
    integration_type,
    sync_type,
    result,
    case when result = 'skipped' then (%(syncs_skip_reasons)s::text[])[width_bucket(
        pg_temp.uniform(no, 45), %(syncs_skip_reasons_bounds)s::double precision[])]
    end,
    -- Box and Muller's normal draw, made log-normal: most are quick, a few take very long.
    case when result <> 'skipped' then least(median_ms * exp(%(syncs_duration_sigma)s::double precision
        * sqrt(-2 * ln(1 - pg_temp.uniform(no, 46))) * cos(2 * pi() * pg_temp.uniform(no, 47))
    ), 120000) end,
    case when result = 'success' then floor(40 * pg_temp.uniform(no, 48) ^ 4) else 0 end,
    case result
        when 'success' then 1 + floor(pg_temp.uniform(no, 49) * (2 * api_calls - 1))
        when 'failure' then 1
        else 0
    end,
    case when result = 'skipped' then 1 + floor(pg_temp.uniform(no, 49) * (2 * api_calls - 1))
        else 0
    end,
    case when result = 'failure' then (%(syncs_errors)s::text[])[width_bucket(
        pg_temp.uniform(no, 50), %(syncs_errors_bounds)s::double precision[])]
    end,
    created_at
from (
    select
        moment.*,
        c.user_id,
        c.integration_type,
        case when calendar then %(syncs_duration_ms_calendar)s else %(syncs_duration_ms_contacts)s
            end::double precision as median_ms,
        case when calendar then %(syncs_api_calls_calendar)s else %(syncs_api_calls_contacts)s
            end::double precision as api_calls,
        case
            when pg_temp.uniform(no, 43) < case when calendar
                then %(syncs_skipped_calendar)s else %(syncs_skipped_contacts)s end::double precision
                then 'skipped'
            when not c.failing and pg_temp.uniform(no, 44) < case when calendar
                then %(syncs_success_calendar)s else %(syncs_success_contacts)s end::double precision
                then 'success'
            else 'failure'
        end as result,
        case
            when pg_temp.uniform(no, 43) < case when calendar
                then %(syncs_skipped_calendar)s else %(syncs_skipped_contacts)s end::double precision
                then 'incremental'
            when drawn_type < %(syncs_manual)s::double precision then 'manual'
            when calendar
                and drawn_type < (%(syncs_manual)s + %(syncs_by_webhook)s)::double precision
                then 'webhook_triggered'
            when drawn_type >= 1 - %(syncs_full)s::double precision then 'full'
            else 'incremental'
        end as sync_type
    from (
        select
            first_sync + i as no,
            starts_at + floor(
                (i - 1 + pg_temp.uniform(first_sync + i, 40)) / syncs * length_us
            ) * interval '1 microsecond' as created_at,
            pg_temp.uniform(first_sync + i, 41) < %(syncs_calendar_share)s::double precision as calendar,
            pg_temp.uniform(first_sync + i, 51) as drawn_type,
            contacts,
            calendars
        from hour
        cross join lateral generate_series(1, syncs) as i
        where no between %(first_hour)s and %(last_hour)s
    ) as moment
    join connection as c
        on c.integration_type = case when calendar then 'google_calendar' else 'google_contacts' end
        and c.rank = 1 + floor(pg_temp.uniform(no, 42)
            * case when calendar then calendars else contacts end)::integer
) as drawn
