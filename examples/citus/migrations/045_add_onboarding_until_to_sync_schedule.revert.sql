-- Keep the column's values beside their rows, then take it away. When 041 is reverted after this,
-- sync_schedule moves aside too, and the reference follows it.
lock table sync_schedule in access exclusive mode;

create table sync_schedule_045 (
    id uuid,
    user_id uuid,
    onboarding_until timestamp not null,
    primary key (user_id, id),
    foreign key (user_id, id) references sync_schedule (user_id, id) on delete cascade
);
select create_distributed_table('sync_schedule_045', 'user_id', colocate_with => 'sync_schedule');

insert into sync_schedule_045 (id, user_id, onboarding_until)
select id, user_id, onboarding_until
from sync_schedule
where onboarding_until is not null;

alter table sync_schedule_045 set schema :aside;
alter table sync_schedule drop column onboarding_until;
