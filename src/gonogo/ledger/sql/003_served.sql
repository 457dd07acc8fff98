-- Version 3: of a deployment that was rolled back, whether the application ever came up in it.
-- Null: nobody knows, or it was not rolled back.
alter table gonogo.deployment add column if not exists served boolean;

insert into gonogo.ledger_version (version) values (3) on conflict do nothing;
