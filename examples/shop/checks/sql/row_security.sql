-- Measured tables of which row-level security may hide rows from this role.
-- hidden_tables: tables
select count(*) as hidden_tables
from unnest(array['orders', 'payments', 'payment_attempts', 'settlements']) as measured (name)
where row_security_active(to_regclass(measured.name))
