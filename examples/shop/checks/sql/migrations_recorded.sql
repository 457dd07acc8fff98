-- Migrations of this project that the ledger knows as applied.
-- recorded, expected: migrations
select
    count(distinct version) filter (where version = any(%(versions)s)) as recorded,
    cardinality(%(versions)s::text[]) as expected
from gonogo.migration
where reverted_at is null
