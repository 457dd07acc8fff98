insert into gonogo.incident (title, kind, opened_at, opened_by)
values (%(title)s, 'critical', %(as_of)s::timestamptz - interval '20 minutes', 'support')
