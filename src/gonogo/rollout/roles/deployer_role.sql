-- The deployer's role: what a deployment and its rollback need, and nothing else. No superuser.
-- Run it with psql, as a superuser or as who owns the database, on the application's database:
--
--     psql -v role=gonogo_deployer -v owner=app -f roles/deployer_role.sql "$DATABASE_URL"
--
-- `owner` is the role that owns the application's tables, and must be given. The other two may be left
-- out. It can be run again. docs/first-deploy.md says why each right is needed, and how to log in.
\set ON_ERROR_STOP on
\if :{?owner}
\else
    do $$ begin
        raise exception 'name the role that owns the tables of the application: psql -v owner=ROLE';
    end $$;
\endif
\if :{?role}
\else
    \set role gonogo_deployer
\endif
\if :{?schema}
\else
    \set schema public
\endif

begin;

-- Without login and password: who logs in is said elsewhere, never in a file under version control.
-- createdb: the scratch database in which a backup is restored to prove it.
select format('create role %I nologin createdb', :'role')
where to_regrole(quote_ident(:'role')) is null \gexec
alter role :"role" createdb;

-- Migrations alter the owner's tables, and make tables that must be the owner's as well.
grant :"owner" to :"role";
grant usage, create on schema :"schema" to :"role";

-- The schema of the ledger, and those that a rollback moves data to.
select format('grant create, connect, temporary on database %I to %I', current_database(), :'role') \gexec

-- Tables of other owners in the same database: a backup is of the whole of it.
select format('grant select on table %I.%I to %I', n.nspname, c.relname, :'role')
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm', 'S')
    and n.nspname !~ '^pg_'
    and n.nspname not in ('information_schema', 'gonogo')
    and n.nspname !~ '^gonogo_aside_'
    and not pg_has_role(:'owner', c.relowner, 'usage') \gexec
select format('grant usage on schema %I to %I', n.nspname, :'role')
from pg_namespace as n
where n.nspname !~ '^pg_'
    and n.nspname not in ('information_schema', 'gonogo')
    and n.nspname !~ '^gonogo_aside_' \gexec

commit;

-- What PostgreSQL keeps to superusers is not granted here, and no grant gives it: untrusted extensions,
-- event triggers, publications of all tables or of a schema, casts between types of others, languages,
-- foreign data wrappers. The proof of a backup and `rollback --mode restore` leave them out when this role
-- runs them; `preflight` names each. What a grant does give, from a superuser, where it is needed:
--
--     grant set on parameter NAME to ROLE;          -- settings of the database that a restore copies
--     grant pg_signal_backend to ROLE;              -- a restore ends the sessions of other roles
--     grant OWNER_OF_THE_DATABASE to ROLE;          -- a restore renames the database
