-- Users whose tokens are watched, and those with an expired or revoked one.
-- invalid, users: users
select
    count(*) filter (where invalid) as invalid,
    count(*) as users
from (
    select user_id, bool_or(status in ('expired', 'revoked')) as invalid
    from token_health
    group by user_id
) as users
