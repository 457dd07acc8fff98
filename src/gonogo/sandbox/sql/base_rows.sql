-- Rows of the application before 038. Every value follows from seed and a row's number; the moments
-- are fixed, so that the same seed makes the same rows on any day.
with person as (
    select
        n,
        md5(format('user:%%s:%%s', %(seed)s::bigint, n))::uuid as id,
        (array[
            'Anna', 'Ben', 'Chloé', 'Dmitri', 'Elif', 'Farid', 'Grace', 'Hana', 'Ivan', 'Julia',
            'Kofi', 'Lena', 'Mateo', 'Nadia', 'Oskar', 'Priya', 'Quentin', 'Rosa', 'Sean', 'Zoë',
            'Tomás', 'Uma', '雷'
        ])[1 + mod(hashint8extended(n, %(seed)s) & 1023, 23)] as given,
        (array[
            'Weber', 'O''Brien', 'Nakamura', 'Silva', 'Kowalski', 'Okafor', 'Müller', 'Rossi',
            'Lindqvist', 'Haddad', 'Novák', 'van Dijk', 'Schmidt', 'Martin', 'Yılmaz', 'Cohen',
            '李'
        ])[1 + mod(hashint8extended(n, %(seed)s + 1) & 1023, 17)] as family,
        (hashint8extended(n, %(seed)s + 2) & 1023) < 600 as by_google,
        timestamptz '2023-01-09 08:00:00+00'
            + n * (interval '870 days' / greatest(%(users)s, 1)) as joined_at
    from generate_series(1, %(users)s::bigint) as n
)
insert into users (id, email, password_hash, name, google_id, role, auth_provider, created_at,
    updated_at)
select
    id,
    format('user%%s@example.com', n),
    case when not by_google then '$2b$12$' || left(encode(sha256(id::text::bytea), 'hex'), 53) end,
    given || ' ' || family,
    case when by_google then (100000000000000000 + n)::text end,
    'user',
    case when by_google then 'google' else 'email' end,
    joined_at,
    joined_at
from person;

-- Nine of ten users connected Google before; most of them contacts and calendar.
insert into oauth_tokens (id, user_id, provider, access_token, refresh_token, expires_at, scope,
    created_at, updated_at)
select
    md5('token:' || provider || u.id)::uuid,
    u.id,
    provider,
    'ya29.' || encode(sha256(('access' || provider || u.id)::bytea), 'base64'),
    '1//0' || encode(sha256(('refresh' || provider || u.id)::bytea), 'base64'),
    u.created_at + interval '8 days 1 hour',
    'https://www.googleapis.com/auth/' || substr(provider, 8),
    u.created_at + interval '7 days',
    u.created_at + interval '8 days'
from users as u
cross join unnest(array['google_contacts', 'google_calendar']) as provider
where hashtextextended(u.id::text, 1) & 1023 < 963
    and (
        hashtextextended(u.id::text, 2) & 1023 < 720
        or provider = (array['google_contacts', 'google_calendar'])[
            1 + (hashtextextended(u.id::text, 3) & 1)
        ]
    );

insert into audit_logs (id, user_id, action, resource_type, resource_id, ip_address, user_agent,
    metadata, success, error_message, created_at)
select
    md5(format('audit:%%s:%%s', n, u.id))::uuid,
    u.id,
    (array['login', 'contact_updated', 'integration_connected', 'export', 'login'])[n],
    case when n in (2, 3) then (array['contact', 'integration'])[n - 1] end,
    case when n = 2 then md5(format('contact:1:%%s', u.id)) end,
    format('203.0.113.%%s', hashtextextended(u.id::text, n) & 255),
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    jsonb_build_object('n', n, 'method', u.auth_provider),
    hashtextextended(u.id::text, 90 + n) & 63 > 0,
    case when hashtextextended(u.id::text, 90 + n) & 63 = 0 then 'wrong password' end,
    u.created_at + n * interval '9 days 5 hours'
from users as u
cross join generate_series(1, 5) as n;

insert into contacts (id, user_id, name, email, phone, source, google_resource_name,
    last_contact_at, archived, created_at, updated_at)
select
    md5(format('contact:%%s:%%s', n, u.id))::uuid,
    u.id,
    (array['Mum', 'Dr. Fischer', 'Aunt May', 'Plumber', 'José 🎸', 'Team lead', 'Bob "Tables"',
        'New neighbour'])[n],
    format('contact%%s@example.org', n),
    format('+44 20 7946 0%%s', 100 * n + (hashtextextended(u.id::text, n) & 63)),
    case when n %% 3 = 0 then 'manual' else 'google' end,
    case when n %% 3 > 0 then format('people/c%%s%%s', n, left(md5(u.id::text), 16)) end,
    u.created_at + n * interval '31 days',
    n = 4,
    u.created_at + n * interval '3 days',
    u.created_at + n * interval '31 days'
from users as u
cross join generate_series(1, 8) as n;

insert into groups (id, user_id, name, color, created_at)
select md5(label || u.id)::uuid, u.id, label, color, u.created_at + interval '2 days'
from users as u
cross join (values ('Family', '#aa3333'), ('Work', '#3355aa')) as chosen (label, color);

insert into contact_groups (contact_id, group_id, added_at)
select c.id, g.id, c.created_at
from contacts as c
join groups as g on g.user_id = c.user_id
where (c.name in ('Mum', 'Aunt May')) = (g.name = 'Family') and not c.archived;

insert into calendar_events (id, user_id, google_event_id, title, starts_at, ends_at, all_day,
    created_at)
select
    md5(format('event:%%s:%%s', n, u.id))::uuid,
    u.id,
    'evt' || md5(format('%%s%%s', n, u.id)),
    (array['Stand-up', 'Dentist', 'Birthday', 'Flight LH 2047', null, 'Review'])[n],
    u.created_at + n * interval '17 days',
    u.created_at + n * interval '17 days' + interval '45 minutes',
    n = 3,
    u.created_at + n * interval '11 days'
from users as u
cross join generate_series(1, 6) as n;

insert into user_preferences (user_id, time_zone, settings, updated_at)
select
    u.id,
    (array['Europe/Berlin', 'UTC', 'America/New_York', 'Asia/Tokyo'])[
        1 + (hashtextextended(u.id::text, 7) & 3)
    ],
    jsonb_build_object('theme', 'dark', 'digest', hashtextextended(u.id::text, 8) & 1 = 1),
    u.created_at
from users as u;

analyze users, oauth_tokens, audit_logs, contacts, groups, contact_groups, calendar_events,
    user_preferences
