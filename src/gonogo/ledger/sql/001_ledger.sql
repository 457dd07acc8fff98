-- The ledger: what was done to this database, by whom, when, and how it ended.
-- Version 1. Every statement can be run again; a later version adds statements, never edits these.
create schema if not exists gonogo;

create table if not exists gonogo.ledger_version (
    version integer primary key,
    applied_at timestamptz not null default clock_timestamp()
);

-- One row: which environment this database is. `simulated` marks the sandbox, whose 48 hours lie ahead.
create table if not exists gonogo.environment (
    only_row boolean primary key default true check (only_row),
    name text not null check (name in ('staging', 'production')),
    simulated boolean not null default false,
    recorded_at timestamptz not null default clock_timestamp()
);

create table if not exists gonogo.deployment (
    id bigint generated always as identity primary key,
    environment text not null check (environment in ('staging', 'production')),
    revision text not null,
    previous_revision text not null,
    migrations_sha256 text not null,
    criteria_sha256 text not null,
    deployed_by text not null,
    -- Why production went without a signed staging record; null when it did not.
    override_reason text,
    -- Fingerprint of the schema before the first change, the measure of a rollback's success.
    schema_before text,
    started_at timestamptz not null default clock_timestamp(),
    -- The soak begins here.
    finished_at timestamptz,
    outcome text not null default 'running'
        check (outcome in ('running', 'succeeded', 'failed', 'rolled_back')),
    rolled_back_at timestamptz,
    rollback_mode text check (rollback_mode in ('revert', 'restore')),
    rollback_reason text
);

create table if not exists gonogo.step (
    id bigint generated always as identity primary key,
    deployment_id bigint not null references gonogo.deployment (id),
    procedure text not null check (procedure in ('deploy', 'rollback')),
    name text not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    outcome text not null default 'running'
        check (outcome in ('running', 'succeeded', 'failed', 'skipped')),
    evidence jsonb not null default '{}',
    error text
);

-- A row is written in the migration's own transaction: it is there exactly when the migration is.
create table if not exists gonogo.migration (
    id bigint generated always as identity primary key,
    deployment_id bigint not null references gonogo.deployment (id),
    version text not null,
    name text not null,
    sha256 text not null,
    xid xid8 not null default pg_current_xact_id(),
    applied_at timestamptz not null default clock_timestamp(),
    duration_ms integer not null,
    -- The objects were there already, made by the application's own runner, and were verified.
    adopted boolean not null default false,
    -- Null while the part of the file that runs outside a transaction is outstanding.
    completed_at timestamptz,
    reverted_at timestamptz
);
create unique index if not exists migration_applied_once
    on gonogo.migration (version) where reverted_at is null;

-- Every try, also those whose transaction rolled back.
create table if not exists gonogo.migration_attempt (
    id bigint generated always as identity primary key,
    deployment_id bigint not null references gonogo.deployment (id),
    version text not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    outcome text not null default 'running' check (outcome in ('running', 'succeeded', 'failed')),
    sqlstate text,
    error text
);

create table if not exists gonogo.backup (
    id bigint generated always as identity primary key,
    deployment_id bigint not null references gonogo.deployment (id),
    path text not null,
    bytes bigint not null,
    sha256 text not null,
    tool_version text not null,
    made_at timestamptz not null default clock_timestamp(),
    verified_at timestamptz,
    verified_by text check (verified_by in ('restore', 'read'))
);

create table if not exists gonogo.incident (
    id bigint generated always as identity primary key,
    title text not null,
    kind text not null check (kind in ('critical', 'complaint')),
    opened_at timestamptz not null default clock_timestamp(),
    opened_by text not null default session_user,
    closed_at timestamptz,
    -- Closed as void: it was none, and does not count.
    void boolean not null default false
);

-- The interface for the application's job wrapper: one INSERT a run.
create table if not exists gonogo.job_run (
    id bigint generated always as identity primary key,
    job_name text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    succeeded boolean not null,
    error text
);
create index if not exists job_run_by_job on gonogo.job_run (job_name, started_at);

insert into gonogo.ledger_version (version) values (1) on conflict do nothing;
