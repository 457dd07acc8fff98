-- How much happens in each hour: a daily wave that is highest at 15:00 UTC. Counts are differences
-- of a rounded running sum, so that they add up to the whole.
insert into hour (no, starts_at, length_us, contacts, calendars, channels, syncs, first_sync,
    notifications, first_notification)
with slice as (
    select
        no,
        starts_at,
        extract(epoch from least(starts_at + interval '1 hour', %(end)s::timestamp) - starts_at)
            as length_s
    from generate_series(0, ceil(extract(
        epoch from %(end)s::timestamp - %(start)s::timestamp) / 3600)::integer - 1) as no
    cross join lateral (select %(start)s::timestamp + no * interval '1 hour' as starts_at) as moment
),
weighed as (
    select
        slice.*,
        length_s * (1 + %(syncs_wave)s::double precision * cos(
            2 * pi() * (extract(epoch from starts_at) / 3600 - 15) / 24)) as weight,
        (
            select count(*) from connection
            where integration_type = 'google_contacts' and connected_at <= starts_at
        ) as contacts,
        (
            select count(*) from connection
            where integration_type = 'google_calendar' and connected_at <= starts_at
        ) as calendars,
        (select count(*) from channel where created_at <= starts_at) as channels
    from slice
),
summed as (
    select
        *,
        round(%(rows)s::bigint * sum(weight) over upto / sum(weight) over ()) as syncs_upto,
        round(sum(channels * weight) over upto * %(webhooks_per_day)s::double precision / 86400)
            as notifications_upto
    from weighed
    window upto as (order by no)
)
select
    no,
    starts_at,
    length_s * 1000000,
    contacts,
    calendars,
    channels,
    syncs_upto - coalesce(lag(syncs_upto) over ordered, 0),
    coalesce(lag(syncs_upto) over ordered, 0),
    notifications_upto - coalesce(lag(notifications_upto) over ordered, 0),
    coalesce(lag(notifications_upto) over ordered, 0)
from summed
window ordered as (order by no);

analyze hour
