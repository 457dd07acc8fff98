"""Databases that were made otherwise: partitioned tables, and migrations of another runner."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gate_process import Soaked
from gonogo.model.kinds import Outcome, Says, VerdictKind
from gonogo.model.measurement import Remark
from gonogo.postgres import session
from gonogo.sandbox.incidents import inject, load_incidents
from gonogo.sandbox.traffic import Traffic, generate

Judged = Callable[..., Any]
HERE = Path(__file__).parent
# Fixed: what has come by then differs with the hour of the day at which a soak ends.
END = datetime(2026, 3, 4, 12, tzinfo=UTC)
WITHOUT = frozenset({"endpoints", "ledger"})
# The application's own constraint forgot the label, so those inserts failed and were dropped.
FORGETFUL = """
delete from sync_metrics where sync_type = 'initial';
alter table sync_metrics add constraint type_known
    check (sync_type in ('manual', 'webhook_triggered', 'incremental', 'full'))"""


@pytest.fixture
def partitioned(soaked: Soaked) -> Any:
    """The soaked database, its two large tables partitioned by day."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute((HERE / "partitioned.sql").read_bytes())
    return soaked


def test_partitioned_tables_are_measured_as_ever(judged: Judged, partitioned: Any) -> None:
    """Partitioned by range of created_at: GO, from every row of every partition."""
    verdict, observation = judged(partitioned.conninfo, partitioned.end)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    with psycopg.connect(partitioned.conninfo) as connection:
        row = connection.execute(
            "select count(distinct tableoid), count(*) from sync_metrics where created_at >= %s",
            [observation.window.start.replace(tzinfo=None)],
        ).fetchone()
    assert row
    partitions, rows = row
    assert partitions > 1
    assert observation.measurements["sync.skip_rate"].count.n == rows


@pytest.mark.parametrize("stream", ["sync_metrics", "webhook_notifications"])
def test_a_day_whose_partition_was_detached_is_not_covered(
    judged: Judged, partitioned: Any, stream: str
) -> None:
    """What is left is as healthy as ever, and is not the whole window."""
    day = (partitioned.end - timedelta(days=1)).strftime("%Y%m%d")
    with psycopg.connect(partitioned.conninfo) as connection:
        connection.execute(f"alter table {stream} detach partition {stream}_{day}".encode())
    verdict, observation = judged(partitioned.conninfo, partitioned.end)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any(reason.startswith("db.partitions: 24 h misses") for reason in verdict.reasons)
    assert observation.measurements["db.partitions"].breakdown[stream] == 24 * 3600


@pytest.mark.parametrize("name", ["calendar-down", "webhook-failures"])
def test_an_incident_in_a_partition_is_seen(judged: Judged, partitioned: Any, name: str) -> None:
    """What goes wrong is as red in partitioned tables."""
    incident = load_incidents()[name]
    with session.connect(partitioned.conninfo) as connection:
        injected = inject(connection, incident, partitioned.end)
    verdict, _ = judged(partitioned.conninfo, injected.as_of, injected.window)
    assert verdict.kind is incident.verdict, verdict.reasons


@pytest.fixture
def by_own_runner(base_database: str) -> Any:
    """A database whose migrations the application made, after 48 hours of traffic."""
    end = END
    with session.connect(base_database) as connection:
        connection.execute((HERE / "own_runner.sql").read_bytes())
        generate(connection, Traffic(end - timedelta(hours=48), end, rows=40_000))
        connection.execute(FORGETFUL)
    return base_database, end


def test_migrations_of_another_runner_are_go(judged: Judged, by_own_runner: Any) -> None:
    """Other names, no `initial`, extra columns, no ledger: GO, with the label as a warning."""
    conninfo, end = by_own_runner
    verdict, observation = judged(
        conninfo, end, without=WITHOUT, deployed_at=end - timedelta(hours=48)
    )
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert observation.findings["alert:schema.initial_allowed"].outcome is Outcome.WARNING
    assert [warning for warning in verdict.warnings if "initial" in warning]
    assert observation.window.complete
    assert observation.measurements["onboarding.success_rate"].count.n > 17


def test_a_ledger_that_is_missing_is_hold_unless_left_out(
    judged: Judged, by_own_runner: Any
) -> None:
    """Without the option, a database without a ledger is inconclusive, and says so."""
    conninfo, end = by_own_runner
    verdict, _ = judged(conninfo, end)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any("gonogo" in reason for reason in verdict.reasons)


def test_a_soak_that_began_later_is_hold_without_a_ledger(
    judged: Judged, by_own_runner: Any
) -> None:
    """``--deployed-at`` gives the soak's start where no ledger does."""
    conninfo, end = by_own_runner
    verdict, _ = judged(conninfo, end, without=WITHOUT, deployed_at=end - timedelta(hours=31))
    assert verdict.kind is VerdictKind.HOLD
    assert any("31h of 48h covered" in reason for reason in verdict.reasons), verdict.reasons


def test_a_missing_index_of_another_runner_is_seen(judged: Judged, by_own_runner: Any) -> None:
    """By meaning, not by name: the one index that no other can stand for is missed."""
    conninfo, end = by_own_runner
    with psycopg.connect(conninfo) as connection:
        connection.execute("drop index metrics_time")
    verdict, observation = judged(
        conninfo, end, without=WITHOUT, deployed_at=end - timedelta(hours=48)
    )
    assert verdict.kind is VerdictKind.NO_GO
    assert observation.measurements["schema.043"].notes == (
        Remark(Says.LACKS, "index sync_metrics (created_at)"),
    )
