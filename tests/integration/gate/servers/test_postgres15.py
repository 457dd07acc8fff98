"""The same gate on PostgreSQL 15: what a newer server alone knows is not needed."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from gate_process import GateOutcome
from gonogo.model.kinds import VerdictKind
from gonogo.postgres import session
from gonogo.sandbox.incidents import inject, load_incidents

Judged = Callable[..., Any]
Gate = Callable[..., GateOutcome]
INCIDENTS = ("sync-outage", "calendar-down", "wrong-zone")

pytestmark = pytest.mark.postgres15


def test_healthy_traffic_is_go(judged: Judged, old_database: str) -> None:
    """Forty-eight healthy hours are GO on 15 as they are on 18."""
    verdict, observation = judged(old_database)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert observation.identity.server_version.startswith("15.")


def test_the_whole_run_is_exit_code_0(gate: Gate, old_database: str) -> None:
    """With pytest around it and a record to write: exit code 0, and the record names the server."""
    told = gate(old_database, "--environment=staging", "--without=endpoints", "--window=48h")
    assert told.code == 0, told.output
    server = told.record.provenance and told.record.provenance.database
    assert server
    assert server.server_version.startswith("15.")


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_incident_brings_its_verdict(judged: Judged, old_database: str, name: str) -> None:
    """An incident is as red on 15 as on 18."""
    incident = load_incidents()[name]
    with session.connect(old_database) as connection:
        end = connection.execute("select max(created_at) at time zone 'UTC' from sync_metrics")
        (newest,) = end.fetchone() or (None,)
        connection.execute("update gonogo.environment set simulated = true")
        injected = inject(connection, incident, newest)
    verdict, _ = judged(old_database, injected.as_of, injected.window)
    assert verdict.kind is incident.verdict, verdict.reasons


def test_no_rows_are_never_go(judged: Judged, old_database: str) -> None:
    """A soak of 48 hours in which nothing was written proves nothing."""
    with psycopg.connect(old_database) as connection:
        connection.execute("truncate users cascade")
    verdict, _ = judged(old_database)
    assert verdict.kind is not VerdictKind.GO
