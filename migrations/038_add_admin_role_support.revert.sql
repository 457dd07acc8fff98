-- Keep what was written to the three columns, then take them away; their index goes with them.
-- The lock comes first: a promotion between the copy and the drop would be lost.
lock table users in access exclusive mode;

create table :aside.users_038 (
    id uuid primary key references users (id) on delete cascade,
    is_admin boolean,
    admin_promoted_at timestamp,
    admin_promoted_by varchar(255)
);

insert into :aside.users_038 (id, is_admin, admin_promoted_at, admin_promoted_by)
select id, is_admin, admin_promoted_at, admin_promoted_by
from users
where is_admin is distinct from false
    or admin_promoted_at is not null
    or admin_promoted_by is not null;

alter table users
    drop column is_admin,
    drop column admin_promoted_at,
    drop column admin_promoted_by;
