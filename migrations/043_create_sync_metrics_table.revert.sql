-- Moved with its rows, indexes and references: erasing a user still erases here.
alter table sync_metrics set schema :aside;
