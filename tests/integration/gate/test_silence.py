"""An application that does not answer: an address that may be wrong, or one that is down."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

from first_application import ADMIN, PATHS
from gate_process import GateOutcome, Soaked, hurry
from gonogo.model.kinds import Outcome, Reason, Says
from gonogo.model.record import Record
from serving import serving

Gate = Callable[..., GateOutcome]
WELL = {
    PATHS["health"]: (200, json.dumps({"status": "healthy"})),
    ADMIN: (401, ""),
    PATHS["dashboard"]: (200, "<html>"),
}
HEALTH, ALERT = "criterion:endpoint.health", "alert:endpoint.health"
TRIGGER = "trigger:endpoint.dashboard"


def nobody() -> str:
    """An address of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def outcomes(record: Record) -> dict[str, Outcome]:
    """How each check of the endpoints came out."""
    found = {one.id: one for one in record.findings}
    return {name: found[name].outcome for name in (HEALTH, ALERT, TRIGGER)}


def test_a_wrong_port_holds_and_rolls_nothing_back(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """All is healthy but the address that the gate was given: nobody ever answered there."""
    hurry(checkout)
    with serving(lambda path, _: WELL[path]) as address:
        as_of = f"--as-of={soaked.end.isoformat()}"
        good = gate(soaked.conninfo, "--environment=staging", as_of, WEBHOOK_BASE_URL=address)
        assert good.document["verdict"]["kind"] == "GO"
        told = gate(soaked.conninfo, "--environment=staging", as_of, WEBHOOK_BASE_URL=nobody())
    assert told.code == 10
    assert set(outcomes(told.record).values()) == {Outcome.INCONCLUSIVE}
    missing = {one.missing for name, one in told.record.measurements.items() if "endpoint." in name}
    assert {one.says for one in missing if one} == {Says.SILENT}


def test_an_application_that_died_after_it_answered_is_down(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """Critical, by an earlier record of this deployment; a silence still fires no trigger."""
    hurry(checkout)
    as_of = f"--as-of={soaked.end.isoformat()}"
    with serving(lambda path, _: WELL[path]) as address:
        gate(soaked.conninfo, "--environment=staging", as_of, WEBHOOK_BASE_URL=address)
    told = gate(soaked.conninfo, "--environment=staging", as_of, WEBHOOK_BASE_URL=address)
    assert told.code == 1, told.output
    assert outcomes(told.record) == {
        HEALTH: Outcome.FAILED,
        ALERT: Outcome.CRITICAL,
        TRIGGER: Outcome.INCONCLUSIVE,
    }
    trigger = next(one for one in told.record.findings if one.id == TRIGGER)
    assert trigger.reason is Reason.HELD_BACK
    assert "the application is down" in told.output
