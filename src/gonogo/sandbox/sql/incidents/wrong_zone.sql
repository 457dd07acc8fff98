do $$
begin
    execute format('alter database %%I set timezone to ''Europe/Berlin''', current_database());
end
$$
