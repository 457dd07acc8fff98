-- Moved with its rows, indexes and references: erasing a user still erases here.
alter table calendar_webhook_subscriptions set schema :aside;
