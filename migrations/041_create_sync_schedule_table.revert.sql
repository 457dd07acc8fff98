-- Moved with its rows, indexes and references: erasing a user still erases here.
alter table sync_schedule set schema :aside;
