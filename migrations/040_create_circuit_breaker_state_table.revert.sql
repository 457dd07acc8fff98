-- Moved with its rows, indexes and references: erasing a user still erases here.
alter table circuit_breaker_state set schema :aside;
