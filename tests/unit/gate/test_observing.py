"""One observation: which window it is of, and what of the ledger it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine_criteria import CRITERIA
from gonogo.checklist.entries import Checklist
from gonogo.config.project import Project
from gonogo.gate import closing
from gonogo.gate import observe as observing
from gonogo.gate.setting import Observation, Options, Setting
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.model.kinds import Environment, Kind, Says
from gonogo.model.measurement import Measurement, Remark, Window
from gonogo.model.record import Record
from gonogo.model.step import LedgerEvent
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.record.archive import RunningRecord
from gonogo.report.index import RecordPages
from record_examples import IDENTITY, START, SUBJECT, deployment, gate, provenance

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROOT = Path(__file__).parents[3]
EVENT = LedgerEvent(NOON, "deployed", "Deployment 1")
Observe = Callable[..., Observation]


@pytest.fixture
def observe(monkeypatch: pytest.MonkeyPatch) -> Observe:
    """Observe a database whose clock stands at noon, and whose ledger says this."""

    def run(facts: LedgerFacts | None = None, **options: Any) -> Observation:
        answers: dict[str, Callable[..., object]] = {
            "in_snapshot": lambda _, __, read: read(SimpleNamespace(lost_anchor="")),
            "read_identity": lambda _: (None, NOON),
            "read_ledger": lambda *_: facts or LedgerFacts(),
            "read_timeline": lambda *_: (EVENT,),
            "take": measured,
        }
        for name, answer in answers.items():
            monkeypatch.setattr(observing, name, answer)
        return observing.observe(asked(**options), {})

    return run


def asked(**options: Any) -> Setting:
    """A gate of staging that is asked so."""
    return Setting(
        Project(ROOT),
        Options(**options),
        CRITERIA,
        Environment.STAGING,
        DatabaseSettings("", "the test"),
        Checklist.model_construct(phase=()),
    )


def measured(_: object, plan: Any) -> dict[str, Measurement]:
    """The migrations that the surveys are asked about, as one figure."""
    name = "rollout.deployed"
    return {name: Measurement(name, value=Fraction(len(plan.versions)))}


def test_a_window_ends_now_by_the_servers_clock(observe: Observe) -> None:
    """Where no other end is asked for."""
    assert observe().window.end == NOON
    assert observe(as_of=NOON - HOUR).window.end == NOON - HOUR
    assert observe(as_of=NOON - HOUR).taken_at == NOON


@pytest.mark.parametrize(
    ("known", "told", "began"),
    [(None, None, None), (2, None, 2), (None, 1, 1), (2, 1, 1), (1, 2, 1)],
)
def test_a_soak_begins_with_the_later_of_ledger_and_option(
    observe: Observe, known: int | None, told: int | None, began: int | None
) -> None:
    """In hours before noon; with neither nobody knows."""
    ledger, option, wanted = (
        None if hours is None else NOON - hours * HOUR for hours in (known, told, began)
    )
    found = observe(LedgerFacts(deployed_at=ledger), deployed_at=option)
    assert found.window.deployed_at == wanted


def test_the_ledger_tells_what_is_deployed_and_what_happened(observe: Observe) -> None:
    """Its facts and its events stand in the observation."""
    found = observe(LedgerFacts(revision="9f"))
    assert (found.ledger.revision, found.timeline) == ("9f", (EVENT,))


def test_a_ledger_that_is_left_out_is_not_asked(observe: Observe) -> None:
    """Neither what is deployed nor what happened."""
    found = observe(LedgerFacts(revision="9f"), without=frozenset({"ledger"}))
    assert (found.ledger, found.timeline) == (LedgerFacts(problem="left out on purpose"), ())


def test_the_migrations_are_those_of_the_project(observe: Observe, tmp_path: Path) -> None:
    """Unless another directory, or the first of them, is named."""
    every = observe().measurements["rollout.deployed"].value
    assert every == len(list((ROOT / "migrations").glob("*.sql"))) / 2
    (tmp_path / "047_more.sql").write_text("select 1;", encoding="utf-8")
    (tmp_path / "047_more.revert.sql").write_text("select 1;", encoding="utf-8")
    assert observe(migrations_dir=tmp_path).measurements["rollout.deployed"].value == 1
    assert observe(migrations_from="045").measurements["rollout.deployed"].value == 2


def test_every_expected_check_has_its_finding(observe: Observe) -> None:
    """Whether it was measured or not."""
    found = observe()
    checks = CRITERIA.checks(Environment.STAGING)
    assert list(found.findings) == [f"{role}:{metric.id}" for role, metric in checks]


HEALTH = "https://app.example/health"
SHOWN = {"name": "health", "url": HEALTH, "status": 200}


def looked(**more: Any) -> Record:
    """A gate's record in which health answered."""
    found = Measurement(
        "endpoint.dashboard", value=Fraction(1), notes=(Remark(Says.ANSWERED, HEALTH, "fine"),)
    )
    record = gate()
    return record.having(measurements={**record.measurements, found.metric: found}, **more)


def deployed(*, step: Any = "succeeded", **evidence: Any) -> Record:
    """A deployment's record whose step saw the application answer."""
    record = deployment()
    waited = replace(record.steps[0], outcome=step, evidence=evidence)
    return record.having(steps=(waited,))


EARLIER_ANSWERS = {
    "a gate": (looked(), True),
    "a gate of another database": (
        looked(provenance=provenance(database=replace(IDENTITY, database="another"))),
        False,
    ),
    "a gate of another deployment": (
        looked(window=Window(48 * HOUR, START, START + HOUR, START - HOUR)),
        False,
    ),
    "a gate where nothing answered": (gate(), False),
    "a gate of production": (looked(environment=Environment.PRODUCTION), False),
    "a deployment that waited for health": (deployed(answer=SHOWN), True),
    "a deployment that asked all": (deployed(answers=[{"url": "x", "status": 1}, SHOWN]), True),
    "a deployment without an answer": (deployed(answer=SHOWN | {"status": None}), False),
    "a deployment that waited in vain": (deployed(step="failed", answer=SHOWN), False),
    "a deployment of another database": (
        deployed(answer=SHOWN).having(provenance=provenance(database=None)),
        False,
    ),
}


@pytest.mark.parametrize(("record", "known"), EARLIER_ANSWERS.values(), ids=EARLIER_ANSWERS)
def test_an_address_answered_where_a_record_of_this_deployment_says_so(
    tmp_path: Path, record: Record, *, known: bool
) -> None:
    """By a gate or the deployment's own steps, on this database, in this environment."""
    pages = RecordPages(ROOT / "reports" / "templates")
    label = "GO" if record.kind is Kind.GATE else "DEPLOYED"
    RunningRecord.open(tmp_path, record).finish(record, label, pages)
    setting = asked(archive_dir=tmp_path)
    window = Window(48 * HOUR, START, START + HOUR, START)
    facts = LedgerFacts(deployment=SUBJECT.deployment)
    seen = Observation(window, NOON, facts, IDENTITY, {}, {})
    assert closing.has_answered(setting, seen, {HEALTH}) is known
    assert not closing.has_answered(setting, seen, {"https://app.example:8443/health"})
    assert not closing.has_answered(setting, replace(seen, identity=None), {HEALTH})
