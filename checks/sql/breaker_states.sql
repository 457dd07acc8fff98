-- Circuit breakers by state.
-- state, integration: text; n: breakers
select state, integration_type as integration, count(*) as n
from circuit_breaker_state
group by 1, 2
