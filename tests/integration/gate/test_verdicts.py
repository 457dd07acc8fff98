"""The verdicts that the sandbox's worlds must bring, through the whole gate but pytest."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from gate_process import Soaked
from gonogo.model.kinds import Outcome, VerdictKind
from gonogo.postgres import session
from gonogo.sandbox.incidents import Incident, inject, load_incidents

Judged = Callable[..., Any]
BAD = {Outcome.FAILED, Outcome.CRITICAL, Outcome.FIRED, Outcome.INCONCLUSIVE}


def test_healthy_traffic_is_go(judged: Judged, soaked: Soaked) -> None:
    """Forty-eight healthy hours after the deployment are GO, each check met with evidence."""
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.GO, verdict.reasons
    assert not verdict.warnings
    assert observation.window.complete


def test_right_after_the_deployment_it_is_hold(judged: Judged, migrated_database: str) -> None:
    """Before any traffic nothing is proved: HOLD, and the reasons say which data is missing."""
    verdict, _ = judged(migrated_database)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any("no data" in reason for reason in verdict.reasons)
    assert any("soak" in reason for reason in verdict.reasons)


def test_a_soak_that_is_not_over_is_hold(judged: Judged, soaked: Soaked) -> None:
    """Healthy so far, but only 31 of 48 hours are covered: HOLD, and it says how much."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(
            "update gonogo.deployment set finished_at = finished_at + interval '17 hours'"
        )
    verdict, _ = judged(soaked.conninfo, soaked.end)
    assert verdict.kind is VerdictKind.HOLD
    assert any("31h of 48h covered" in reason for reason in verdict.reasons), verdict.reasons


@pytest.mark.parametrize("incident", load_incidents().values(), ids=load_incidents())
def test_an_incident_brings_its_verdict(judged: Judged, soaked: Soaked, incident: Incident) -> None:
    """Each named incident brings the verdict that it declares, for the metrics that it declares."""
    with session.connect(soaked.conninfo) as connection:
        injected = inject(connection, incident, soaked.end)
    verdict, observation = judged(soaked.conninfo, injected.as_of, injected.window)
    assert verdict.kind is incident.verdict, verdict.reasons
    assert verdict.kind is not VerdictKind.GO
    red = {found.metric for found in observation.findings.values() if found.outcome in BAD}
    assert set(incident.red) <= red


def test_no_sync_for_three_days_is_never_go(judged: Judged, soaked: Soaked) -> None:
    """Three days after the last sync, the gate says so."""
    verdict, _ = judged(soaked.conninfo, soaked.end + timedelta(days=3))
    assert verdict.kind is not VerdictKind.GO
    assert any("traffic.longest_gap" in reason for reason in verdict.reasons)


def test_a_role_without_a_right_is_inconclusive(judged: Judged, soaked: Soaked) -> None:
    """A role that may not read one table gets HOLD, and the reason names the right it lacks."""
    with psycopg.connect(soaked.conninfo, autocommit=True) as connection:
        connection.execute("drop role if exists nearly")
        connection.execute("create role nearly login")
        try:
            connection.execute("grant usage on schema public, gonogo to nearly")
            connection.execute("grant select on all tables in schema public, gonogo to nearly")
            connection.execute("revoke select on webhook_notifications from nearly")
            verdict, _ = judged(f"{soaked.conninfo} options='-c role=nearly'", soaked.end)
        finally:
            connection.execute("drop owned by nearly")
            connection.execute("drop role nearly")
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any("the role has no right to read it" in reason for reason in verdict.reasons)


def test_hidden_rows_are_inconclusive(judged: Judged, soaked: Soaked) -> None:
    """Row-level security that may hide rows from the role is HOLD, never a count of the rest."""
    with psycopg.connect(soaked.conninfo, autocommit=True) as connection:
        connection.execute("drop role if exists shortsighted")
        connection.execute("create role shortsighted login")
        try:
            connection.execute("grant usage on schema public, gonogo to shortsighted")
            connection.execute(
                "grant select on all tables in schema public, gonogo to shortsighted"
            )
            connection.execute("alter table sync_metrics enable row level security")
            connection.execute("create policy own on sync_metrics using (result = 'success')")
            verdict, _ = judged(f"{soaked.conninfo} options='-c role=shortsighted'", soaked.end)
        finally:
            connection.execute("drop owned by shortsighted")
            connection.execute("drop role shortsighted")
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any("db.row_security" in reason for reason in verdict.reasons)
