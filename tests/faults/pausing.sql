-- The ledger of a test: whoever writes a row that gonogo.pause names waits for the advisory lock 7.
create table gonogo.pause (moment text not null, procedure text not null, name text not null);

create function gonogo.wait_when(moment text, procedure text, name text) returns void language sql as $$
    select pg_advisory_xact_lock_shared(7)
    from gonogo.pause as p
    where (p.moment, p.procedure, p.name) = (wait_when.moment, wait_when.procedure, wait_when.name)
$$;

create function gonogo.newest_step(whose bigint) returns gonogo.step language sql as $$
    select s from gonogo.step as s where s.deployment_id = whose order by s.id desc limit 1
$$;

-- Between two steps: the first is written down, the second is not.
create function gonogo.before_step() returns trigger language plpgsql as $$
begin
    perform gonogo.wait_when('after', s.procedure, s.name) from gonogo.newest_step(new.deployment_id) as s;
    return new;
end $$;
create trigger before_step before insert on gonogo.step for each row execute function gonogo.before_step();

-- After the last step.
create function gonogo.before_end() returns trigger language plpgsql as $$
begin
    perform gonogo.wait_when('after', s.procedure, s.name) from gonogo.newest_step(new.id) as s
    where new.outcome in ('succeeded', 'rolled_back');
    return new;
end $$;
create trigger before_end before update on gonogo.deployment for each row execute function gonogo.before_end();

-- Within a step: all of it is done, and nothing of that is written down.
create function gonogo.before_outcome() returns trigger language plpgsql as $$
begin
    perform gonogo.wait_when('unrecorded', new.procedure, new.name);
    return new;
end $$;
create trigger before_outcome before update on gonogo.step for each row
    when (new.finished_at is not null) execute function gonogo.before_outcome();

-- Within a migration's transaction, or within that of its revert.
create function gonogo.within_migration() returns trigger language plpgsql as $$
begin
    perform gonogo.wait_when('within', tg_op, new.version);
    return new;
end $$;
create trigger within_migration before insert or update on gonogo.migration for each row
    execute function gonogo.within_migration();
