-- Moved with its rows, indexes and references: erasing a user still erases here.
alter table webhook_notifications set schema :aside;
