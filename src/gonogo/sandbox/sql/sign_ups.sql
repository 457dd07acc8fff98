-- Users who sign up during the traffic and connect Google five minutes later.
insert into newcomer (user_id, number, connected_at)
select
    md5(format('user:%%s:%%s', %(seed)s::bigint, total + n))::uuid,
    total + n,
    %(start)s::timestamp + (n - 1 + pg_temp.uniform(n, 1)) / %(new_users)s::bigint
        * (%(end)s::timestamp - %(start)s::timestamp - interval '2 minutes')
from generate_series(1, %(new_users)s::bigint) as n
cross join (select count(*) as total from users) as known;

insert into users (id, email, name, google_id, auth_provider, created_at, updated_at)
select
    user_id,
    format('user%%s@example.com', number),
    format('Newcomer %%s', number),
    (100000000000000000 + number)::text,
    'google',
    (connected_at - interval '5 minutes') at time zone 'UTC',
    (connected_at - interval '5 minutes') at time zone 'UTC'
from newcomer;

insert into oauth_tokens (id, user_id, provider, access_token, refresh_token, expires_at, scope,
    created_at, updated_at)
select
    md5('token:' || provider || user_id)::uuid,
    user_id,
    provider,
    'ya29.' || encode(sha256(('access' || provider || user_id)::bytea), 'base64'),
    '1//0' || encode(sha256(('refresh' || provider || user_id)::bytea), 'base64'),
    (connected_at + place * interval '45 seconds' + interval '1 hour') at time zone 'UTC',
    'https://www.googleapis.com/auth/' || substr(provider, 8),
    (connected_at + place * interval '45 seconds') at time zone 'UTC',
    (connected_at + place * interval '45 seconds') at time zone 'UTC'
from newcomer
cross join unnest(array['google_contacts', 'google_calendar']) with ordinality
    as connected (provider, place)
where pg_temp.uniform(number, 2) < 0.7
    or place = 1 + (pg_temp.uniform(number, 3) < 0.5)::integer
