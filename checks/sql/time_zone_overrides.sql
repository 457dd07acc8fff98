-- Settings that have whoever writes here write in another time zone than UTC: of this database, or of a
-- role that may write; what only reads shifts no row.
-- overrides: settings
select count(*) as overrides
from (
    select split_part(setting, '=', 2) as zone
    from pg_db_role_setting
    cross join unnest(setconfig) as setting
    where (
            setrole = 0
            or to_regclass('sync_metrics') is null
            or has_table_privilege(setrole, to_regclass('sync_metrics'), 'insert')
        )
        and setdatabase in (0, (select oid from pg_database where datname = current_database()))
        and lower(split_part(setting, '=', 1)) = 'timezone'
) as zones
where lower(zone) not in (
    'utc', 'etc/utc', 'gmt', 'etc/gmt', 'zulu', 'etc/zulu', 'uct', 'etc/uct', 'universal', 'etc/universal'
)
