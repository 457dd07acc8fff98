-- A standby: whether its replay is paused, and how far its replay is behind the window's end, or behind the
-- server's clock when that is earlier; no row on a primary.
-- An idle primary sends no transaction: a standby that has replayed all that the primary has is
-- behind only since it last heard of it. That is shown to roles with pg_read_all_stats alone; what
-- the others see is the last transaction.
-- paused: boolean; behind_s: seconds, null when it has not replayed a transaction yet
select
    pg_is_wal_replay_paused() as paused,
    extract(
        epoch from least(%(as_of)s::timestamp, now()::timestamp)
            - (greatest(pg_last_xact_replay_timestamp(), caught_up.heard_at) at time zone 'UTC')
    ) as behind_s
from (
    select max(last_msg_receipt_time) as heard_at
    from pg_stat_wal_receiver
    where status = 'streaming' and latest_end_lsn <= pg_last_wal_replay_lsn()
) as caught_up
where pg_is_in_recovery()
