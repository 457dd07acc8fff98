-- The newest attempts of the window that a provider had to answer, newest first; of one provider, or
-- of all when null.
-- result: text
select result
from payment_attempts
where created_at >= %(window_start)s
    and created_at < %(as_of)s
    and result in ('captured', 'error')
    and (%(part)s::text is null or provider = %(part)s::text)
order by created_at desc, id desc
limit %(most_recent)s
