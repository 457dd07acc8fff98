#!/bin/sh
# moment.sh HOURS: the moment at which the latest deployment had been over for so many hours.
set -eu
exec psql -qAtX "$DATABASE_URL" -c "
    select to_json(finished_at + interval '$1 hours') #>> '{}'
    from gonogo.deployment order by id desc limit 1"
