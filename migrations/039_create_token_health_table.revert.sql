-- Moved with its rows, indexes and references: erasing a user still erases here.
alter table token_health set schema :aside;
