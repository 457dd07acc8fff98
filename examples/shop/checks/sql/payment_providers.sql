-- The providers that the shop settles with.
-- provider: text; n: settlements
select provider, count(*) as n
from settlements
group by provider
