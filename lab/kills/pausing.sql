-- Waits where the server's setting lab.pause names the row, until the session or its client is
-- killed. A setting is every database's: a restore closes one, and goes on in another.
create or replace function gonogo.wait_when(moment text, procedure text, name text) returns void
language sql as $$
    select case current_setting('lab.pause', true)
        when concat_ws(' ', moment, procedure, name) then pg_sleep(600) end
$$;
