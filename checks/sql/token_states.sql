-- Tokens by state.
-- status, integration: text; n: tokens
select status, integration_type as integration, count(*) as n
from token_health
group by 1, 2
