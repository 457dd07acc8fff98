-- Every connection has a schedule row; older ones are backfilled and carry no onboarding_until.
insert into sync_schedule (id, user_id, integration_type, current_frequency_ms,
    default_frequency_ms, min_frequency_ms, max_frequency_ms, next_sync_at, created_at, updated_at,
    onboarding_until)
select
    md5('schedule:' || t.provider || t.user_id)::uuid,
    t.user_id,
    t.provider,
    default_ms,
    default_ms,
    default_ms / 12,
    default_ms * 7,
    %(end)s::timestamp,
    t.created_at at time zone 'UTC',
    t.created_at at time zone 'UTC',
    case when fresh then
        min(t.created_at) over (partition by t.user_id) at time zone 'UTC' + interval '24 hours'
    end
from oauth_tokens as t
cross join lateral (
    select
        t.created_at at time zone 'UTC' >= %(start)s::timestamp as fresh,
        case t.provider when 'google_contacts' then 86400000 else 43200000 end as default_ms
) as derived
where t.provider in ('google_contacts', 'google_calendar')
    and (fresh or t.user_id in (
        select distinct user_id
        from oauth_tokens
        where created_at at time zone 'UTC' < %(start)s::timestamp
        order by user_id
        limit %(connected_users)s::bigint
    ))
on conflict (user_id, integration_type) do nothing;

insert into connection (user_id, integration_type, connected_at, fresh, failing, rank)
with struck as (
    select
        user_id,
        row_number() over (order by pg_temp.uniform_of(user_id, 11), user_id)
            <= floor(count(*) over () * %(syncs_broken_users)s::double precision + 1e-9) as broken
    from (select distinct user_id from sync_schedule) as users
),
placed as (
    select
        s.*,
        s.created_at >= %(start)s::timestamp as fresh,
        case s.integration_type
            when 'google_contacts' then %(onboarding_success_contacts)s
            else %(onboarding_success_calendar)s
        end::double precision as success
    from sync_schedule as s
)
select
    p.user_id,
    p.integration_type,
    p.created_at,
    p.fresh,
    broken or (
        p.fresh and row_number() over (
            partition by p.integration_type, p.fresh
            order by pg_temp.uniform_of(p.user_id, 12), p.user_id
        ) <= floor(count(*) over (partition by p.integration_type, p.fresh) * (1 - success) + 1e-9)
    ),
    row_number() over (partition by p.integration_type order by p.created_at, p.user_id)
from placed as p
join struck using (user_id);

analyze connection
