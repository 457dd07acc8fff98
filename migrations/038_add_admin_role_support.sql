-- Administrators: who may open the sync dashboard, since when, and who appointed them.
-- A constant default is kept in the catalogue, so that no row of users is written.
alter table users
    add column if not exists is_admin boolean default false,
    add column if not exists admin_promoted_at timestamp,
    add column if not exists admin_promoted_by varchar(255);

comment on column users.is_admin is 'May open the sync dashboard.';
comment on column users.admin_promoted_at is 'When the user became an administrator; UTC.';
comment on column users.admin_promoted_by is 'Who promoted the user.';

-- gonogo: no-transaction
-- users is filled: building this under the lock of an ordinary CREATE INDEX would stall every writer.
create index concurrently if not exists idx_users_is_admin
    on users (is_admin) where is_admin;
