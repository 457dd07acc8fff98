-- A new connection is synchronised more often for its first 24 hours.
alter table sync_schedule
    add column if not exists onboarding_until timestamp;

comment on column sync_schedule.onboarding_until is
    'End of the first 24 hours of a connection, UTC; null for connections older than this column.';
