-- The gate's role: it may read the columns that the surveys in checks/sql name, and what the reader of
-- the ledger asks for, and nothing else. Made by `gonogo grants`; do not edit it.
-- Run it with psql, as the owner of the tables, on the application's database:
--
--     psql -v role=gonogo_gate -v schema=public -f roles/gate_role.sql "$DATABASE_URL"
--
-- Both variables may be left out. It can be run again, and must be after each deployment, because
-- new tables need grants too; a deployment does that itself when rollout.toml names `gate_role`.
-- No pg_read_all_data: that reads password hashes and tokens. docs/gate-role.md says how to log in.
\set ON_ERROR_STOP on
\if :{?role}
\else
    \set role gonogo_gate
\endif
\if :{?schema}
\else
    \set schema public
\endif

begin;

-- Without login and password: who logs in is said elsewhere, never in a file under version control.
select format('create role %I nologin', :'role')
where to_regrole(quote_ident(:'role')) is null \gexec

-- A table that is only looked up by name needs no more than usage of its schema. What was granted on a
-- whole table by an earlier version is taken back first; a ledger that is not there is passed over.
-- {grants}

commit;
