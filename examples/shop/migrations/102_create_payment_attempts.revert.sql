-- Moved with its rows, indexes and references: erasing a customer still erases here.
alter table payment_attempts set schema :aside;
