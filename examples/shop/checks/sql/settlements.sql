-- Settlements that ended in the window, and those among them whose sums do not agree.
-- mismatched, settlements: settlements
select
    count(*) filter (where status = 'mismatched') as mismatched,
    count(*) as settlements
from settlements
where settled_to >= %(window_start)s and settled_to <= %(as_of)s
