"""What data do not cover: no figure is worse for it, and the window is not whole."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from gate_process import Soaked
from gonogo.model.kinds import Reason, VerdictKind

Judged = Callable[..., Any]
# First syncs stay, for new users are judged by them.
INHERITED = """
create table syncs_of_a_day () inherits (sync_metrics);
with moved as (
    delete from only sync_metrics
    where created_at >= %(end)s - interval '30 hours' and created_at < %(end)s - interval '6 hours'
        and sync_type <> 'initial'
    returning *
)
insert into syncs_of_a_day select * from moved"""
AWAY = "alter table syncs_of_a_day no inherit sync_metrics"
RETENTION = """
delete from webhook_notifications where created_at < %(end)s - interval '30 hours'"""
ONE_PART = """
delete from sync_metrics
where integration_type = 'google_calendar' and sync_type <> 'initial'
    and created_at >= %(end)s - interval '22 hours'
    and created_at < %(end)s - interval '12 hours'"""


def change(soaked: Soaked, *statements: str) -> None:
    """Take something away."""
    end = soaked.end.replace(tzinfo=None)
    with psycopg.connect(soaked.conninfo, cursor_factory=psycopg.ClientCursor) as connection:
        for statement in statements:
            connection.execute(statement.encode(), {"end": end})


def test_inherited_tables_are_covered_as_one(judged: Judged, soaked: Soaked) -> None:
    """Rows of a child count like any other."""
    change(soaked, INHERITED)
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert observation.window.covered == timedelta(hours=48)


@pytest.mark.parametrize(
    ("statements", "metric", "part", "hours"),
    [
        ((INHERITED, AWAY), "sync.success_rate", "", 24),
        ((RETENTION,), "webhook.success_rate", "", 18),
        ((ONE_PART,), "sync.success_rate", "google_calendar", 10),
    ],
    ids=["a child that went", "a retention that is too short", "a hole by integration"],
)
def test_a_hole_is_not_covered(
    judged: Judged, soaked: Soaked, statements: tuple[str, ...], metric: str, part: str, hours: int
) -> None:
    """Every rate is as before; HOLD, and the hours without data are no part of the soak."""
    change(soaked, *statements)
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    found = observation.findings[f"presence:{metric}"]
    assert (found.reason, found.figures.part) == (Reason.NOT_COVERED, part)
    assert observation.window.lacking == timedelta(hours=hours)
    covered = f"the soak is not complete: {48 - hours}h of 48h covered"
    assert covered in verdict.reasons
