-- The most frequent errors of attempts in the window.
-- message: text of the application, hostile; n: attempts
select left(coalesce(error_message, '(no message)'), 1000) as message, count(*) as n
from payment_attempts
where created_at >= %(window_start)s and created_at < %(as_of)s and result = 'error'
group by 1
order by n desc, message
limit 5
