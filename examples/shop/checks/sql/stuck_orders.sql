-- Orders of the window whose payment was taken a quarter of an hour before its end or earlier, and
-- those among them that are neither paid nor cancelled.
-- stuck, due: orders
select
    count(*) filter (where o.status = 'placed') as stuck,
    count(*) as due
from orders as o
where o.created_at >= %(window_start)s
    and o.created_at < %(as_of)s::timestamp - interval '15 minutes'
    and exists (select from payments as p where p.order_id = o.id)
