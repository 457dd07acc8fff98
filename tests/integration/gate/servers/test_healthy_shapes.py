"""What looks like a fault to a careless eye, each in a database that is healthy: GO."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from gate_process import Soaked
from gonogo.model.kinds import VerdictKind

# Old syncs of one user, written after everything else.
BACKFILL = """
insert into sync_metrics (user_id, integration_type, sync_type, result, skip_reason, created_at)
select user_id, integration_type, 'incremental',
    case when n %% 4 = 0 then 'success' else 'skipped' end,
    case when n %% 4 > 0 then 'not_due' end,
    %(end)s - interval '49 hours' - n * interval '13 seconds'
from (select * from sync_schedule limit 1) as anyone, generate_series(1, 100000) as n"""
# Users of years ago whom migration 041 entered into the schedule, their period long over.
IMPORT = """
with old as (
    insert into users (email, google_id, created_at)
    select format('old%%s@example.com', n), format('old%%s', n), '2022-01-01'
    from generate_series(1, 500) as n
    returning id
)
insert into sync_schedule (user_id, integration_type, current_frequency_ms, default_frequency_ms,
    min_frequency_ms, max_frequency_ms, next_sync_at, created_at, onboarding_until)
select id, 'google_contacts', 3600000, 3600000, 60000, 86400000, %(end)s,
    %(end)s - interval '49 hours', %(end)s - interval '25 hours'
from old"""
SIGN_UPS = """
insert into users (email, google_id, created_at)
select format('idle%%s@example.com', n), format('idle%%s', n), %(end)s - interval '6 hours'
from generate_series(1, 300) as n"""
PAUSE = """
delete from {} where created_at >= %(end)s - interval '18 hours'
    and created_at < %(end)s - interval '17 hours 40 minutes'"""
NIGHT = "delete from {} where extract(hour from created_at) < 6"
FIRST_SYNCS_STAY = " and sync_type <> 'initial'"
SHAPES = {
    "a backfill of 100,000 old rows": (BACKFILL,),
    "an import of old users by 041's backfill": (IMPORT,),
    "users who have connected nothing yet": (SIGN_UPS,),
    "a deployment's pause of 20 minutes": (
        PAUSE.format("sync_metrics") + FIRST_SYNCS_STAY,
        PAUSE.format("webhook_notifications"),
    ),
    "nights in which nothing happens": (
        NIGHT.format("sync_metrics") + FIRST_SYNCS_STAY,
        NIGHT.format("webhook_notifications"),
    ),
}


@pytest.mark.parametrize("what", SHAPES)
def test_healthy_it_is(judged: Callable[..., Any], soaked: Soaked, what: str) -> None:
    """No absence, no fall, no wrong clock and no failed onboarding is seen in it."""
    end = soaked.end.replace(tzinfo=None)
    with psycopg.connect(soaked.conninfo, cursor_factory=psycopg.ClientCursor) as connection:
        for statement in SHAPES[what]:
            connection.execute(statement.encode(), {"end": end})
    verdict, _ = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
