"""What the gate's record says before the first check runs, and how to reproduce it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine_criteria import CRITERIA
from gonogo.checklist.entries import Checklist
from gonogo.config.project import Project
from gonogo.gate.closing import closing, header, provenance, reproduce
from gonogo.gate.setting import Observation, Options, Setting
from gonogo.judge.finding import judge
from gonogo.judge.verdict import health_score
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.model.finding import Verdict
from gonogo.model.kinds import Environment, Role, Says, VerdictKind
from gonogo.model.measurement import Count, HourCount, Measurement, Remark, Window, clip
from gonogo.model.record import Record
from gonogo.model.step import Change, Commit, LedgerEvent, Migrated
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.record.archive import RunningRecord
from gonogo.report.index import RecordPages
from gonogo.report.timeline import soak
from record_examples import IDENTITY, deployment, gate

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAGING = Environment.STAGING


def asked(
    environment: Environment = Environment.STAGING, *, simulated: bool = False, **options: Any
) -> Setting:
    """A gate that is asked so."""
    return Setting(
        Project(Path("nowhere")),
        Options(**options),
        CRITERIA,
        environment,
        DatabaseSettings("postgresql://gate:hush@db/app", "the test"),
        Checklist.model_construct(phase=()),
        simulated=simulated,
    )


def seen(deployed_at: datetime | None = None, **facts: Any) -> Observation:
    """What a gate of noon observed where nothing could be measured."""
    nothing = {name: Measurement(name) for name in CRITERIA.metrics}
    window = clip(48 * HOUR, NOON, deployed_at)
    return Observation(window, NOON, LedgerFacts(**facts), None, nothing, {})


def test_a_run_is_called_by_its_environment_and_window() -> None:
    """The window that was asked for, or the environment's."""
    assert header(asked(), NOON, "").title == "Staging gate, 48h"
    found = header(asked(Environment.PRODUCTION, window=HOUR), NOON, "")
    assert (found.title, found.environment) == ("Production gate, 1h", "production")


def test_every_check_is_expected_before_the_first_one_runs() -> None:
    """By role and metric, in the file's order."""
    found = header(asked(), NOON, "").expected
    checks = CRITERIA.checks(Environment.STAGING)
    assert found == tuple(f"{role}:{metric.id}" for role, metric in checks)


@pytest.mark.parametrize("simulated", [True, False])
def test_a_run_says_from_the_beginning_whether_it_is_simulated(*, simulated: bool) -> None:
    """So does one that is aborted."""
    assert header(asked(simulated=simulated), NOON, "").simulated is simulated


def test_a_run_names_what_is_left_out() -> None:
    """In the order of the alphabet."""
    found = header(asked(without=frozenset({"sync", "endpoints"})), NOON, "how")
    assert (found.without, found.reproduce, found.started_at) == (
        ("endpoints", "sync"),
        "how",
        NOON,
    )


def test_a_run_that_measured_nothing_adds_its_verdict_alone() -> None:
    """There is nothing else to report."""
    head, verdict = header(asked(), NOON, ""), Verdict(VerdictKind.HOLD, ())
    assert closing(head, asked(), None, (), verdict) == head.having(verdict=verdict)


def test_a_run_tells_all_that_was_measured(tmp_path: Path) -> None:
    """Every metric with its limits, under a heading, whether a check asked for it or not."""
    setting, verdict = asked(archive_dir=tmp_path), Verdict(VerdictKind.HOLD, ())
    found = closing(header(setting, NOON, ""), setting, seen(NOON - HOUR), (), verdict)
    assert found.measurements.keys() == found.metrics.keys() == CRITERIA.metrics.keys()
    assert {name for one in found.headings for name in one.metrics} == CRITERIA.metrics.keys()
    sync, own = found.metrics["sync.success_rate"], CRITERIA.metrics["sync.success_rate"]
    assert (sync.title, sync.group, sync.kind) == (own.title, "sync", "rate")
    assert (sync.objective, sync.warning) == (own.objective, own.warning)
    assert (sync.critical, sync.trigger) == (own.critical, own.trigger)
    assert (found.window, found.verdict, found.findings) == (
        seen(NOON - HOUR).window,
        verdict,
        (),
    )
    assert found.soak
    assert found.soak.deployed_at == NOON - HOUR


def test_a_run_hands_on_what_was_observed_and_answered(tmp_path: Path) -> None:
    """Its score, its answers, the ledger's events, and which database it was."""
    sync, event = "sync.success_rate", LedgerEvent(NOON, "deployed", "Deployment 1")
    setting, verdict = asked(archive_dir=tmp_path), Verdict(VerdictKind.HOLD, ())
    counted = Measurement(sync, count=Count(99, 100))
    observation = replace(
        seen(NOON - HOUR), timeline=(event,), measurements={**seen().measurements, sync: counted}
    )
    answer = judge(Role.TRIGGER, CRITERIA.metrics[sync], counted, CRITERIA.rules, STAGING)
    found = closing(header(setting, NOON, "begun"), setting, observation, (answer,), verdict)
    assert (found.findings, found.timeline) == ((answer,), (event,))
    assert found.provenance == provenance(setting, observation)
    assert found.score == health_score(CRITERIA, observation.measurements, STAGING)
    assert found.score
    assert found.reproduce == reproduce(setting, NOON)


@pytest.mark.parametrize(("deployed", "gates"), [(NOON - HOUR, 1), (NOON, 0), (None, 2)])
def test_a_run_says_how_often_the_gate_was_asked(
    tmp_path: Path, deployed: datetime | None, gates: int
) -> None:
    """Since the deployment, or since the window began where nobody knows of one."""
    setting, verdict = asked(archive_dir=tmp_path), Verdict(VerdictKind.HOLD, ())
    known = replace(setting, identity=IDENTITY)
    for day, hour in ((20, 11), (22, 11), (23, 11)):
        RunningRecord.open(tmp_path, header(known, NOON.replace(day=day, hour=hour), "")).abandon()
    observation = replace(seen(deployed), identity=IDENTITY)
    found = closing(header(setting, NOON, ""), setting, observation, (), verdict)
    assert found.gates == gates


def test_how_often_a_database_out_of_reach_was_asked_is_unknown(tmp_path: Path) -> None:
    """Nobody knows which one it is."""
    setting, verdict = asked(archive_dir=tmp_path), Verdict(VerdictKind.HOLD, ())
    assert closing(header(setting, NOON, ""), setting, seen(), (), verdict).gates is None


def test_a_run_says_from_the_beginning_which_database_it_asks() -> None:
    """So that one that is aborted is counted with that database's, and with no other's."""
    found = header(replace(asked(), identity=IDENTITY), NOON, "").provenance
    assert found
    assert (found.database, found.subject) == (IDENTITY, None)
    assert header(asked(), NOON, "").provenance is None


def test_hours_without_traffic_are_silent(tmp_path: Path) -> None:
    """They are counted among all hours of the window."""
    hours = tuple(HourCount(NOON - n * HOUR, Count(0, n % 2)) for n in (3, 2, 1))
    window = seen(NOON - HOUR).window
    found = soak(tmp_path / "staging", "", window, Measurement("a.b", hourly=hours))
    assert found
    assert (found.hours, found.silent) == (3, (NOON - 2 * HOUR,))
    found = soak(tmp_path / "staging", "", window, None)
    assert found
    assert (found.hours, found.silent) == (0, ())


def test_without_a_deployment_there_is_no_soak(tmp_path: Path) -> None:
    """Nobody knows when it began."""
    setting = asked(archive_dir=tmp_path)
    verdict = Verdict(VerdictKind.HOLD, ())
    assert closing(header(setting, NOON, ""), setting, seen(), (), verdict).soak is None


def test_a_record_names_what_is_deployed_and_never_a_password() -> None:
    """By its number and its hashes, with what the ledger lacks."""
    observation = seen(
        deployment="3", revision="9f", migrations_sha256="5b" * 32, problem="it is old"
    )
    found = provenance(asked(judged_by="4a" * 32, base_url="https://a.example"), observation)
    assert found.subject
    assert (found.subject.deployment, found.subject.revision) == ("3", "9f")
    assert found.subject.migrations_sha256 == "5b" * 32
    assert found.subject.criteria_sha256 == "4a" * 32
    assert found.base_url == "https://a.example"
    assert (found.ledger_problem, found.taken_at, found.database) == ("it is old", NOON, None)
    assert "hush" not in found.connection


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        ({"as_of": NOON}, " --as-of=2026-11-23T12:00:00Z"),
        ({"deployed_at": NOON}, " --deployed-at=2026-11-23T12:00:00Z"),
        ({"criteria": Path("our own.toml")}, " --criteria='our own.toml'"),
        ({"without": frozenset({"sync", "endpoints"})}, " --without=endpoints --without=sync"),
        ({"strict": True}, " --strict"),
        (
            {"without": frozenset({"sync"}), "strict": True, "as_of": NOON},
            " --as-of=2026-11-23T12:00:00Z --without=sync --strict",
        ),
    ],
)
def test_the_command_repeats_what_was_asked(options: dict[str, Any], words: str) -> None:
    """A shell reads it as it was meant."""
    head = "pytest checks/ --window=48h --environment=staging"
    assert reproduce(asked(**options)) == f"{head}{words}"


def test_the_command_ends_the_window_where_it_ended() -> None:
    """Whatever end was asked for."""
    found = reproduce(asked(as_of=NOON, window=HOUR), NOON + HOUR)
    assert found == (
        "pytest checks/ --window=1h --environment=staging --as-of=2026-11-23T13:00:00Z"
    )


REVISIONS = {"revision": "9f1c2ab4c1d0", "previous_revision": "77aa0123bc45"}


def archived(archive: Path, hours: float, **changes: Any) -> Path:
    """A record that was closed some hours before noon."""
    record = gate(started_at=NOON - hours * HOUR, **changes)
    label = record.verdict.kind.value if record.verdict else "DEPLOYED"
    return RunningRecord.open(archive, record).finish(record, label, RecordPages(archive))


def of_noon(archive: Path, deployed_at: datetime, **facts: Any) -> Record:
    """What a gate of noon records of the deployment that ended then."""
    known = replace(seen(deployed_at, deployment="2", **REVISIONS, **facts), identity=IDENTITY)
    setting = replace(
        asked(archive_dir=archive),
        settings=DatabaseSettings("postgresql://gonogo_gate@db/app_staging", "the test"),
    )
    found = tuple(known.findings.values())
    return closing(header(setting, NOON, ""), setting, known, found, Verdict(VerdictKind.GO, ()))


def test_what_is_decided_on_is_what_the_deployments_record_says(tmp_path: Path) -> None:
    """Its commits, its migrations with their locks, and where it lies."""
    own = Change(
        before="77aa0123bc45",
        commits=(Commit("9f1c2ab4c1d0", "ada", "Add the schedule"),),
        added=1,
        migrations=(Migrated("038_a.sql", ("ACCESS EXCLUSIVE on users",)),),
        deployed_by="ada",
    )
    more = {"outcome": "succeeded", "change": own}
    record = deployment(started_at=NOON - 2 * HOUR, **more)
    place = RunningRecord.open(tmp_path, record).finish(record, "DEPLOYED", RecordPages(tmp_path))
    found = of_noon(tmp_path, NOON - HOUR).change
    assert found == replace(own, deployed_at=NOON - HOUR, record=place.name)


def test_without_that_record_ledger_and_git_say_it(tmp_path: Path) -> None:
    """The locks were not measured, and no repository is named here."""
    found = of_noon(tmp_path, NOON - HOUR, deployed_by="ada", applied=("038_a.sql",)).change
    assert found == Change(
        before="77aa0123bc45",
        unknown=Remark(Says.NO_REPOSITORY),
        migrations=(Migrated("038_a.sql", None),),
        deployed_by="ada",
        deployed_at=NOON - HOUR,
    )


def test_a_record_names_the_look_before_and_the_last_go_of_an_earlier_deployment(
    tmp_path: Path,
) -> None:
    """An earlier GO of this very deployment is no earlier deployment's."""

    def window(end: datetime, deployed_at: datetime) -> Window:
        return Window(48 * HOUR, deployed_at, end, deployed_at)

    long_ago, lately = NOON - 100 * HOUR, NOON - 5 * HOUR
    go = archived(tmp_path, 40, window=window(NOON - 40 * HOUR, long_ago))
    archived(tmp_path, 3, window=window(NOON - 3 * HOUR, lately))
    held = Verdict(VerdictKind.HOLD, ())
    look = archived(tmp_path, 2, window=window(NOON - 2 * HOUR, lately), verdict=held)
    found = of_noon(tmp_path, lately)
    assert found.last_look
    assert found.last_go
    assert (found.last_look.record, found.last_look.verdict) == (look.name, "HOLD")
    assert (found.last_go.record, found.last_go.points) == (go.name, 97.3)
    assert found.last_go.rates[0].title == "Sync success rate"
