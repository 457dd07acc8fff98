-- Whatever LATIN1 lacks is replaced; failures say something that UTF-8 writes in other bytes.
do $$
declare one record;
begin
    if to_regclass('sync_metrics') is not null then
        update sync_metrics set error_message = 'Verbindungsabbrüche' where result = 'failure';
    end if;
    for one in
        select c.table_name, c.column_name from information_schema.columns as c
        where c.table_schema = 'public' and c.data_type in ('text', 'character varying')
    loop
        execute format(
            $query$update %1$I set %2$I = regexp_replace(%2$I, '[^\u0001-\u00ff]', 'ü', 'g')
            where %2$I ~ '[^\u0001-\u00ff]'$query$, one.table_name, one.column_name);
    end loop;
end $$;
