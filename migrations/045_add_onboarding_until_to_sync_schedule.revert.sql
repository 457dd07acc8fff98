-- Keep the column's values beside their rows, then take it away. When 041 is reverted after this,
-- sync_schedule moves aside too, and the reference follows it.
lock table sync_schedule in access exclusive mode;

create table :aside.sync_schedule_045 (
    id uuid primary key references sync_schedule (id) on delete cascade,
    onboarding_until timestamp not null
);

insert into :aside.sync_schedule_045 (id, onboarding_until)
select id, onboarding_until
from sync_schedule
where onboarding_until is not null;

alter table sync_schedule drop column onboarding_until;
