"""A server that goes, or stops answering, in the middle: HOLD, a record, and in bounded time."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from first_application import HTTP
from gate_process import GateOutcome, Soaked
from gonogo.config.project import Project
from gonogo.gate.observe import observe
from gonogo.gate.setting import Options, resolve
from gonogo.model.kinds import Environment, Outcome, VerdictKind
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import GRACE_S, Connection, Manners, connect
from gonogo.sandbox.server import EmbeddedServer
from saying import why

Gate = Callable[..., GateOutcome]
Judged = Callable[..., Any]
WhileAsleep = Callable[..., Any]
STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")
LOST = "the connection to the database was lost"
# The survey would sleep for ten minutes.
LONGEST_S = 30


def held_with(told: Any, words: str) -> bool:
    """Whether a run is HOLD, exit code 10, for a reason in these words, with a whole record."""
    assert told.code == 10, told.output
    assert "Traceback" not in told.output
    document = told.document
    assert document["state"] == "complete"
    assert document["verdict"]["kind"] == "HOLD"
    assert len(document["findings"]) == len(document["expected"])
    assert told.records[-1].name.endswith("_HOLD")
    assert told.lasted_s < LONGEST_S
    return any(words in reason for reason in told.reasons)


@pytest.mark.usefixtures("sleeping_survey")
def test_a_backend_that_is_terminated_is_hold(
    gate: Gate, soaked: Soaked, while_asleep: WhileAsleep
) -> None:
    """An administrator ends the gate's session between two answers: HOLD, recorded, exit 10."""

    def terminate(backend: int) -> None:
        with psycopg.connect(soaked.conninfo, autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(%s)", [backend])

    with while_asleep(soaked.conninfo, terminate):
        told = gate(soaked.conninfo, *STAGING, f"--as-of={soaked.end.isoformat()}")
    assert held_with(told, LOST)


@pytest.mark.usefixtures("sleeping_survey")
def test_a_server_that_is_killed_is_hold(
    gate: Gate, own_server: EmbeddedServer, own_database: str, while_asleep: WhileAsleep
) -> None:
    """The whole server dies during a survey: what was answered stands, the rest is inconclusive."""

    def kill(_backend: int) -> None:
        os.kill(own_server.pid, signal.SIGQUIT)

    with while_asleep(own_database, kill):
        told = gate(own_database, *STAGING)
    assert held_with(told, LOST)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Manners:
    """Limits so short that a test can wait for them."""

    def connect_quickly(settings: DatabaseSettings, **options: Any) -> Connection:
        return connect(settings, **(options | {"budget_s": 1}))

    monkeypatch.setattr("gonogo.postgres.readonly.GRACE_S", 0.5)
    monkeypatch.setattr("gonogo.postgres.snapshot.connect", connect_quickly)
    return Manners(statement_timeout_s=2, lock_timeout_s=2)


@pytest.mark.usefixtures("sleeping_survey")
def test_a_server_that_stops_answering_is_hold_in_bounded_time(
    judged: Judged,
    own_database: str,
    frozen: Callable[[int], None],
    while_asleep: WhileAsleep,
    impatient: Manners,
) -> None:
    """No timeout of the server's works while it is stopped: ours closes the connection."""
    began = time.monotonic()
    with while_asleep(own_database, frozen):
        verdict, observation = judged(f"{own_database} connect_timeout=1", manners=impatient)
    assert time.monotonic() - began < LONGEST_S
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    assert any(LOST in reason for reason in verdict.reasons)
    # Asked before the survey that slept, and answered.
    assert observation.findings["criterion:sync.success_rate"].outcome is Outcome.MET


def test_a_server_that_stopped_before_it_was_asked_is_hold_in_bounded_time(
    checkout: Path, own_database: str, frozen: Callable[[int], None], impatient: Manners
) -> None:
    """A server that accepts and says nothing is out of reach, and every check says so."""
    options = Options(environment=Environment.STAGING, manners=impatient, endpoints=HTTP)
    settings = DatabaseSettings(f"{own_database} connect_timeout=1", "the test")
    setting = resolve(Project(checkout), options, settings)
    frozen(0)
    began = time.monotonic()
    observation = observe(setting, {})
    assert time.monotonic() - began < LONGEST_S
    outcomes = {found.outcome for found in observation.findings.values()}
    assert outcomes == {Outcome.INCONCLUSIVE}
    assert "does not answer" in why(observation.findings["criterion:sync.success_rate"])


def test_nothing_keeps_a_gate_longer_than_half_a_minute() -> None:
    """As it comes: a query's limit, and what a server that ignores it is given beyond that."""
    assert Manners().statement_timeout_s + GRACE_S <= LONGEST_S
    assert Manners().lock_timeout_s < Manners().statement_timeout_s


@pytest.mark.usefixtures("sleeping_survey")
def test_a_survey_that_takes_too_long_leaves_the_others(judged: Judged, soaked: Soaked) -> None:
    """One survey's timeout is inconclusive for what it feeds, says which and why, and no more."""
    manners = Manners(statement_timeout_s=2)
    verdict, observation = judged(soaked.conninfo, soaked.end, manners=manners)
    assert verdict.kind is VerdictKind.HOLD, verdict.reasons
    reason = why(observation.findings["alert:token.unknown"])
    assert "token_states.sql" in reason
    assert "took longer than 2 s" in reason
    assert observation.findings["criterion:sync.success_rate"].outcome is Outcome.MET
    assert observation.findings["alert:webhook.silent"].outcome is Outcome.MET
