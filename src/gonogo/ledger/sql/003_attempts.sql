-- Version 3. Of a deployment that was rolled back: whether the application ever came up in it.
-- Null: nobody knows, or it was not rolled back.
alter table gonogo.deployment add column if not exists served boolean;

-- Who closed an incident, and who declared it void, which may be later and somebody else.
alter table gonogo.incident add column if not exists closed_by text;
alter table gonogo.incident add column if not exists voided_by text;

-- A backup by the team's own commands: `path` is its name, and only they know its size (0) and sha256 ('').
alter table gonogo.backup drop constraint if exists backup_verified_by_check;
alter table gonogo.backup add constraint backup_verified_by_check
    check (verified_by in ('restore', 'read', 'team'));

insert into gonogo.ledger_version (version) values (3) on conflict do nothing;
