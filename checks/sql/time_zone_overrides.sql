-- Settings that have whoever writes here write in another time zone than UTC: of this database, or of a
-- role that may write; what only reads shifts no row. The server's own counts where somebody who may
-- write is left to it: a role that logs in and has none of its own; superusers, where nobody else may.
-- overrides: settings
with zones as (
    select setrole, lower(split_part(setting, '=', 2) collate "C") as zone
    from pg_db_role_setting
    cross join unnest(setconfig) as setting
    where setdatabase in (0, (select oid from pg_database where datname = current_database()))
        and lower(split_part(setting, '=', 1) collate "C") = 'timezone'
), writers as (
    select oid
    from pg_roles
    where rolcanlogin and not rolsuper and has_table_privilege(oid, to_regclass('sync_metrics'), 'insert')
), counted as (
    select zone
    from zones
    where setrole = 0
        or to_regclass('sync_metrics') is null
        or has_table_privilege(setrole, to_regclass('sync_metrics'), 'insert')
    union all
    -- Known since before the gate's own session was pinned; empty where that is unknown.
    select lower(current_setting('gate.server_time_zone') collate "C")
    where current_setting('gate.server_time_zone') <> ''
        and not exists (select from zones where setrole = 0)
        and (
            not exists (select from writers)
            or exists (select from writers where oid not in (select setrole from zones))
        )
)
select count(*) as overrides
from counted
where zone not in (
    'utc', 'etc/utc', 'gmt', 'etc/gmt', 'zulu', 'etc/zulu', 'uct', 'etc/uct', 'universal', 'etc/universal'
)
