-- The application's schema as it stands before migration 038.
-- A rollout alters users, and nothing else of this.
create table users (
    id uuid primary key default gen_random_uuid(),
    email varchar(255) unique not null,
    password_hash varchar(255),
    name varchar(255),
    google_id varchar(255) unique,
    role varchar(50) not null default 'user',
    auth_provider varchar(50) default 'email',
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create table oauth_tokens (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    provider varchar(50) not null,
    access_token text not null,
    refresh_token text,
    token_type varchar(50) default 'Bearer',
    expires_at timestamptz,
    scope text,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    unique (user_id, provider)
);
create index idx_oauth_tokens_user_id on oauth_tokens (user_id);

create table audit_logs (
    id uuid primary key default gen_random_uuid(),
    user_id uuid references users (id) on delete set null,
    action varchar(100) not null,
    resource_type varchar(50),
    resource_id varchar(255),
    ip_address varchar(45),
    user_agent text,
    metadata jsonb,
    success boolean not null default true,
    error_message text,
    created_at timestamptz default now()
);
create index idx_audit_logs_user_id on audit_logs (user_id);
create index idx_audit_logs_created_at on audit_logs (created_at);

create table contacts (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    name varchar(255) not null,
    email varchar(255),
    phone varchar(50),
    source varchar(50) not null default 'manual' check (source in ('manual', 'google')),
    google_resource_name varchar(255),
    last_contact_at timestamptz,
    archived boolean not null default false,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    unique (user_id, google_resource_name)
);
create index idx_contacts_user_name on contacts (user_id, lower(name));
create index idx_contacts_active on contacts (user_id) where not archived;

create table groups (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    name varchar(255) not null,
    color varchar(7) check (color ~ '^#[0-9a-f]{6}$'),
    created_at timestamptz default now(),
    unique (user_id, name)
);

create table contact_groups (
    contact_id uuid not null references contacts (id) on delete cascade,
    group_id uuid not null references groups (id) on delete cascade,
    added_at timestamptz default now(),
    primary key (contact_id, group_id)
);

create table calendar_events (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    google_event_id varchar(255),
    title text,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    all_day boolean not null default false,
    created_at timestamptz default now(),
    check (ends_at >= starts_at),
    unique (user_id, google_event_id)
);
create index idx_calendar_events_user_start on calendar_events (user_id, starts_at);

create table user_preferences (
    user_id uuid primary key references users (id) on delete cascade,
    time_zone varchar(64) not null default 'UTC',
    settings jsonb not null default '{}',
    updated_at timestamptz default now()
);

create view contact_overview as
select c.user_id, count(*) as contacts, count(*) filter (where c.archived) as archived,
    max(c.last_contact_at) as last_contact_at
from contacts as c
group by c.user_id;
