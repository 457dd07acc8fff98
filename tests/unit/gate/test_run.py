"""One run of the gate: what is asked once, what counts as answered, and what keeps it from GO."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine_criteria import CRITERIA
from gonogo.checklist.entries import Checklist
from gonogo.config.project import Project
from gonogo.errors import GonogoError
from gonogo.gate import run as running
from gonogo.gate.run import GateRun
from gonogo.gate.setting import Observation, Options, Setting
from gonogo.judge.finding import judge
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.model.finding import VerdictReason
from gonogo.model.kinds import Environment, Outcome, Role, Says, State, VerdictKind, Why
from gonogo.model.measurement import Count, Measurement, Remark, clip
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.record.canonical import read_record

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTINGS = DatabaseSettings("", "the test")
STAGING = Environment.STAGING
CHECKS = CRITERIA.checks(STAGING)
RATE = next(metric for role, metric in CHECKS if metric.kind == "rate" and role is Role.CRITERION)
CHECK = f"criterion:{RATE.id}"
SECRET = "hush-and-not-a-word"  # noqa: S105  # nothing asks for it
Make = Callable[..., GateRun]


def seen(setting: Setting, answered: Mapping[str, Measurement]) -> Observation:
    """A window that is covered, with these measurements; whatever else is asked is left out."""
    left_out = Remark(Says.LEFT_OUT, "others")
    measurements = {
        name: answered.get(name, Measurement(name, left_out=left_out)) for name in CRITERIA.metrics
    }
    findings = [
        judge(role, metric, measurements[metric.id], CRITERIA.rules, setting.environment)
        for role, metric in setting.expected
    ]
    window, found = clip(timedelta(hours=48), NOON, None), {one.id: one for one in findings}
    return Observation(window, NOON, LedgerFacts(), None, measurements, found)


@pytest.fixture
def asked() -> list[str]:
    """What a run asked of settings and database, in order."""
    return []


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Make:
    """A run whose database has these measurements."""

    def run(
        *measurements: Measurement, problem: str | None = None, lost: str = "", **options: Any
    ) -> GateRun:
        def resolve(project: Project, given: Options, settings: DatabaseSettings) -> Setting:
            asked.append("settings")
            checklist = Checklist.model_construct(phase=())
            return Setting(project, given, CRITERIA, STAGING, settings, checklist, problem=problem)

        def observe(setting: Setting, _answers: Mapping[str, Measurement]) -> Observation:
            asked.append("database")
            return replace(seen(setting, {m.metric: m for m in measurements}), lost_anchor=lost)

        monkeypatch.setattr(running, "resolve", resolve)
        monkeypatch.setattr(running, "observe", observe)
        monkeypatch.setattr(running, "ask_endpoints", lambda *_: {})
        return GateRun(Project(tmp_path), Options(**options))

    return run


@pytest.fixture
def ready(make: Make) -> Make:
    """The same, with its setting resolved."""

    def run(*measurements: Measurement, **options: Any) -> GateRun:
        made = make(*measurements, **options)
        made.resolve(SETTINGS)
        return made

    return run


def rate(k: int, n: int) -> Measurement:
    """The one rate."""
    return Measurement(RATE.id, count=Count(k, n))


def test_nothing_is_judged_before_it_is_resolved(make: Make) -> None:
    """An error of gonogo's own, and no finding."""
    with pytest.raises(GonogoError, match="was not resolved"):
        make().finding(CHECK)


def test_what_is_judged_is_fixed_once(make: Make, asked: list[str]) -> None:
    """The criteria file may change meanwhile."""
    run = make()
    assert run.resolve(SETTINGS) is run.resolve(SETTINGS)
    assert asked == ["settings"]


def test_why_a_database_cannot_be_asked_holds_no_secret(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is masked where it comes in."""
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    assert make(problem=f"refused {SECRET}").resolve(SETTINGS).problem == "refused <DB_PASSWORD>"
    assert make().resolve(SETTINGS).problem is None


def test_checks_are_asked_by_role_and_group(ready: Make) -> None:
    """Of these groups alone, or of all but those."""
    run, every = ready(), {metric.id for role, metric in CHECKS if role is Role.CRITERION}
    only = {
        metric.id for _, metric in run.asked(Role.CRITERION, frozenset({RATE.group}), frozenset())
    }
    but = {
        metric.id for _, metric in run.asked(Role.CRITERION, frozenset(), frozenset({RATE.group}))
    }
    assert RATE.id in only
    assert RATE.id not in but
    assert only | but == every
    assert only == {metric.id for _, metric in CHECKS if metric.group == RATE.group} & every
    assert not only & but


def test_the_first_finding_measures_everything(ready: Make, asked: list[str]) -> None:
    """The others read the same snapshot."""
    run = ready(rate(999, 1000))
    assert run.finding(CHECK).outcome is Outcome.MET
    assert run.finding(f"alert:{RATE.id}").metric == RATE.id
    assert asked == ["settings", "database"]


def test_whether_a_check_is_left_out_measures_nothing(ready: Make, asked: list[str]) -> None:
    """It is known of what was measured already, and only of that."""
    run, (role, other) = ready(rate(999, 1000)), CHECKS[-1]
    assert not run.is_left_out(f"{role}:{other.id}")
    assert asked == ["settings"]
    run.finding(CHECK)
    assert run.is_left_out(f"{role}:{other.id}")
    assert not run.is_left_out(CHECK)


def test_only_what_was_asserted_is_answered(ready: Make) -> None:
    """In the order of the criteria file, whichever ran first."""
    run = ready(rate(999, 1000))
    first, last = (f"{role}:{metric.id}" for role, metric in (CHECKS[0], CHECKS[-1]))
    run.finding(CHECK)
    assert not run.answers
    run.answer(last)
    run.answer(first)
    assert [found.id for found in run.answers] == [first, last]


def test_junit_has_a_rates_counts(ready: Make) -> None:
    """And its share as a number."""
    properties = dict(ready(rate(999, 1000)).properties(CHECK))
    assert properties["outcome"] == "met"
    assert (properties["value"], properties["k"], properties["n"]) == (0.999, 999, 1000)


def test_junit_has_no_value_of_what_was_not_measured(ready: Make) -> None:
    """Nor counts of a quantity."""
    quantity = next(metric for _, metric in CHECKS if metric.kind == "quantity")
    missing = dict(ready().properties(CHECK))
    assert not {"value", "k", "n"} & set(missing)
    role = next(role for role, metric in CHECKS if metric is quantity)
    measured = ready(Measurement(quantity.id, value=Fraction(3)))
    properties = dict(measured.properties(f"{role}:{quantity.id}"))
    assert properties["value"] == 3.0
    assert "k" not in properties


def every_answer(run: GateRun) -> GateRun:
    """Assert every check of a run."""
    for role, metric in CHECKS:
        run.answer(f"{role}:{metric.id}")
    return run


def test_a_run_whose_checks_all_answered_is_go(ready: Make) -> None:
    """Its reason is the tally; before the decision there is none."""
    run = every_answer(ready(rate(999, 1000)))
    assert not run.reasons
    assert run.decide(aborted=False).kind is VerdictKind.GO
    assert run.reasons[0].endswith("left out")


@pytest.mark.parametrize(
    ("options", "aborted", "why"),
    [
        ({}, True, VerdictReason(Why.ABORTED)),
        ({"without": frozenset({"sync"})}, False, VerdictReason(Why.GROUP_LEFT_OUT, "sync")),
        ({"lost": "users"}, False, VerdictReason(Why.NO_ANCHOR, "users")),
    ],
)
def test_what_keeps_a_run_from_go(
    ready: Make, options: dict[str, Any], *, aborted: bool, why: VerdictReason
) -> None:
    """An end before its own, a group that was left out, an anchor that was not found."""
    verdict = every_answer(ready(rate(999, 1000), **options)).decide(aborted=aborted)
    assert (verdict.kind, verdict.reasons) == (VerdictKind.HOLD, (why,))


def test_what_is_stated_only_keeps_nothing_from_go(ready: Make) -> None:
    """Endpoints and ledger may be left out."""
    run = every_answer(ready(rate(999, 1000), without=frozenset({"endpoints", "ledger"})))
    assert run.decide(aborted=False).kind is VerdictKind.GO


def test_a_failure_that_no_finding_explains_keeps_a_run_from_go(ready: Make) -> None:
    """It is named, a long name only by its beginning."""
    run = every_answer(ready(rate(999, 1000)))
    run.unexplained.append("x" * 1000)
    verdict = run.decide(aborted=False)
    assert verdict.kind is VerdictKind.HOLD
    assert verdict.reasons[0].subject.startswith("x" * 200 + "…")


def test_a_run_that_measured_nothing_says_so(ready: Make) -> None:
    """Without a window there is no GO."""
    verdict = ready().decide(aborted=False)
    assert verdict.kind is VerdictKind.HOLD
    assert VerdictReason(Why.NOTHING_MEASURED) in verdict.reasons


def test_a_run_that_was_not_opened_closes_nothing(ready: Make) -> None:
    """There is no record to close."""
    run = ready()
    run.decide(aborted=False)
    run.close(aborted=False)
    assert run.directory is None
    assert not run.is_open


def test_a_problem_is_shown_in_one_line_without_secrets(
    ready: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where there is no record."""
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    run, shown = ready(), io.StringIO()
    run.show(shown)
    assert not shown.getvalue()
    run.problem = f"the disk is full\nof {SECRET}"
    run.show(shown)
    assert shown.getvalue() == "gonogo: the disk is full\\nof <DB_PASSWORD>\n"


def test_what_was_staged_goes_at_the_end(ready: Make) -> None:
    """With all that is in it."""
    run = ready()
    run.staged("junit.xml").touch()
    run.clean_up()
    assert not run.staged("junit.xml").parent.exists()


def closed(run: GateRun, *, aborted: bool = False) -> Path:
    """Open, decide and close a run; where its record lies."""
    run.open_record()
    opened = run.is_open
    every_answer(run).decide(aborted=aborted)
    run.close(aborted=aborted)
    assert (opened, run.is_open) == (True, False)
    assert run.directory
    return run.directory


def test_a_run_is_closed_under_its_verdict_with_its_evidence(ready: Make, tmp_path: Path) -> None:
    """What was staged lies in the record, and what was asked for elsewhere is copied there."""
    run = ready(rate(999, 1000), json=str(tmp_path / "copy.json"))
    run.staged("junit.xml").write_text("<testsuites/>", encoding="utf-8")
    run.copies = {"junit.xml": str(tmp_path / "there" / "junit.xml"), "evidence.html": None}
    directory = closed(run)
    assert directory.name.endswith("_GO")
    assert read_record(directory).state is State.COMPLETE
    assert (tmp_path / "there" / "junit.xml").read_bytes() == b"<testsuites/>"
    assert (tmp_path / "copy.json").read_bytes() == (directory / "record.json").read_bytes()
    assert not (directory / "evidence.html").exists()


def test_an_aborted_run_is_closed_as_such(ready: Make) -> None:
    """Whatever its checks had answered by then."""
    directory = closed(ready(rate(999, 1000)), aborted=True)
    assert directory.name.endswith("_HOLD")
    assert read_record(directory).state is State.ABORTED


def test_a_record_is_piped_byte_for_byte(ready: Make) -> None:
    """Behind whatever was written before it; without a record nothing is."""
    run, pipe = ready(rate(999, 1000), json="-"), io.BytesIO()
    stream = io.TextIOWrapper(pipe, encoding="utf-8")
    stream.write("before ")
    run.pipe(stream)
    assert pipe.getvalue() == b""
    directory = closed(run)
    run.pipe(stream)
    assert pipe.getvalue() == b"before " + (directory / "record.json").read_bytes()


def test_the_verdict_is_shown_and_figures_where_they_are_asked_for(ready: Make) -> None:
    """The verdict is the last of it."""
    plain, full = ready(rate(999, 1000)), ready(rate(999, 1000), figures=True)
    shown = [io.StringIO(), io.StringIO()]
    for run, stream in zip((plain, full), shown, strict=True):
        closed(run)
        run.show(stream)
    assert "Overall health score" not in shown[0].getvalue()
    assert "Overall health score" in shown[1].getvalue()
    assert all("Record:" in stream.getvalue().splitlines()[-1] for stream in shown)
