-- Tokens, breakers, schedules and messages as they stand at the end. Shares are shares of users,
-- and exact: users stand in a fixed order and the first of them are struck.
insert into token_health (id, user_id, integration_type, status, last_checked, expiry_date,
    error_message, created_at, updated_at)
select
    md5('health:' || integration_type || user_id)::uuid,
    user_id,
    integration_type,
    status,
    checked_at,
    case status
        when 'valid'
            then %(end)s::timestamp + (3 + 150 * pg_temp.uniform_of(user_id, 72)) * interval '1 day'
        when 'expiring_soon'
            then %(end)s::timestamp + (1 + 20 * pg_temp.uniform_of(user_id, 72)) * interval '1 hour'
        when 'expired'
            then %(end)s::timestamp - (1 + 20 * pg_temp.uniform_of(user_id, 72)) * interval '1 hour'
    end,
    case status
        when 'expired' then 'invalid_grant: Token has been expired'
        when 'revoked' then 'invalid_grant: Token has been revoked by the user'
        when 'unknown' then 'The token could not be checked'
    end,
    connected_at,
    checked_at
from connection
join (
    select user_id, (%(states_tokens)s::text[])[width_bucket(
        (row_number() over (order by pg_temp.uniform_of(user_id, 71), user_id) - 0.5)
            / count(*) over (),
        %(states_tokens_bounds)s::numeric[])] as status
    from (select distinct user_id from connection) as users
) as placed using (user_id)
cross join lateral (
    select greatest(connected_at, %(end)s::timestamp
        - %(states_tokens_checked_h)s::double precision * interval '1 hour'
        - pg_temp.uniform_of(user_id, 73) * interval '4 minutes') as checked_at
) as refreshed
on conflict (user_id, integration_type) do update
set status = excluded.status,
    last_checked = excluded.last_checked,
    expiry_date = excluded.expiry_date,
    error_message = excluded.error_message,
    updated_at = excluded.updated_at;

insert into circuit_breaker_state (id, user_id, integration_type, state, failure_count,
    last_failure_at, last_failure_reason, opened_at, next_retry_at, created_at, updated_at)
select
    md5('breaker:' || integration_type || user_id)::uuid,
    user_id,
    integration_type,
    state,
    case state when 'open' then 5 when 'half_open' then 4 else 0 end,
    case when state <> 'closed' then opened_at end,
    case when state <> 'closed' then 'HTTP 503 from Google' end,
    case when state <> 'closed' then opened_at end,
    case
        when state = 'open' and pg_temp.uniform_of(user_id, 82) < %(states_stuck_breakers)s::double precision
            then %(end)s::timestamp - interval '30 hours'
        when state = 'open' then opened_at + interval '1 hour'
    end,
    connected_at,
    %(end)s::timestamp
from connection
join (
    select user_id, (%(states_breakers)s::text[])[width_bucket(
        (row_number() over (order by pg_temp.uniform_of(user_id, 81), user_id) - 0.5)
            / count(*) over (),
        %(states_breakers_bounds)s::numeric[])] as state
    from (select distinct user_id from connection) as users
) as placed using (user_id)
cross join lateral (
    select %(end)s::timestamp
        - (5 + 50 * pg_temp.uniform_of(user_id, 83)) * interval '1 minute' as opened_at
) as tripped
on conflict (user_id, integration_type) do update
set state = excluded.state,
    failure_count = excluded.failure_count,
    last_failure_at = excluded.last_failure_at,
    last_failure_reason = excluded.last_failure_reason,
    opened_at = excluded.opened_at,
    next_retry_at = excluded.next_retry_at,
    updated_at = excluded.updated_at;

update sync_schedule as s
set consecutive_no_changes = quiet,
    current_frequency_ms = least(s.default_frequency_ms * (1 + quiet), s.max_frequency_ms),
    last_sync_at = greatest(s.created_at, next_at - frequency),
    next_sync_at = next_at,
    updated_at = greatest(s.created_at, next_at - frequency)
from (
    select
        id,
        quiet,
        frequency,
        case
            when row_number() over (order by pg_temp.uniform_of(id, 91), id)
                <= floor(count(*) over () * %(states_stale)s::double precision + 1e-9)
                then %(end)s::timestamp - interval '25 hours'
                    - pg_temp.uniform_of(id, 92) * interval '4 hours'
            else %(end)s::timestamp + pg_temp.uniform_of(id, 92) * frequency
        end as next_at
    from sync_schedule
    cross join lateral (select floor(4 * pg_temp.uniform_of(id, 93))::integer as quiet) as idle
    cross join lateral (
        select default_frequency_ms * (1 + quiet) * interval '1 millisecond' as frequency
    ) as spacing
) as planned
where planned.id = s.id;

-- One message for each token that needs its user; the reminder job comes after a week.
update token_health_notifications as n
set resolved_at = %(end)s::timestamp - interval '10 minutes', updated_at = %(end)s::timestamp
from token_health as t
where t.user_id = n.user_id and t.integration_type = n.integration_type
    and t.status in ('valid', 'unknown') and n.resolved_at is null;

update token_health_notifications
set reminder_sent_at = created_at + interval '7 days 3 hours', updated_at = %(end)s::timestamp
where resolved_at is null and reminder_sent_at is null
    and created_at < %(end)s::timestamp - interval '7 days 3 hours';

insert into token_health_notifications (id, user_id, integration_type, notification_type, message,
    re_auth_link, created_at, updated_at)
select
    md5(%(stream)s || t.id)::uuid,
    t.user_id,
    t.integration_type,
    case t.status when 'expiring_soon' then 'token_expiring_soon' else 'token_invalid' end,
    case t.status
        when 'expiring_soon' then 'Your Google connection expires soon.'
        else 'Your Google connection has stopped working.'
    end,
    '/settings/integrations/' || t.integration_type,
    told_at,
    told_at
from token_health as t
cross join lateral (
    select greatest(t.created_at, %(end)s::timestamp - pg_temp.uniform_of(t.id, 95)
        * least(%(end)s::timestamp - %(start)s::timestamp, interval '5 days')) as told_at
) as reported
where t.status in ('expiring_soon', 'expired', 'revoked')
    and not exists (
        select from token_health_notifications as n
        where n.user_id = t.user_id and n.integration_type = t.integration_type
            and n.resolved_at is null
    );

-- What a dead reminder job leaves: old messages about which nobody was reminded.
insert into token_health_notifications (id, user_id, integration_type, notification_type, message,
    created_at, updated_at)
select
    md5(%(stream)s || 'forgotten' || rank)::uuid,
    user_id,
    integration_type,
    'token_invalid',
    'Your Google connection has stopped working.',
    %(end)s::timestamp - interval '9 days',
    %(end)s::timestamp - interval '9 days'
from connection
where integration_type = 'google_contacts' and rank <= %(states_unreminded)s::integer
