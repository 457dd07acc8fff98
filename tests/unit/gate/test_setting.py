"""What is fixed before the first check runs, by what was asked and what the ledger says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from first_application import HTTP
from gonogo.config.project import Project
from gonogo.errors import DatabaseError, UsageError
from gonogo.gate import setting as resolving
from gonogo.gate.setting import Options, Setting, check_as_of, resolve
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings

PROJECT = Project(Path(__file__).parents[3])
SETTINGS = DatabaseSettings("", "the test")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAGING, PRODUCTION = Environment.STAGING, Environment.PRODUCTION
ONE_METRIC = """
[rules]
least_n = 10
band_n = 30
excluded_at = "2.5 %"
many_n = 200
excluded_of_many = "0.1 %"
recent = [5]
[score]
bands = { Poor = 0 }
[metric."sync.all"]
title = "All syncs"
kind = "rate"
survey = "sync_cube"
part = {}
whole = {}
objective = "> 0 %"
weight = 100
"""
Resolved = Callable[..., Setting]


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> Resolved:
    """Resolve these options where the ledger says so, and the server's clock stands at noon."""

    def run(facts: LedgerFacts | DatabaseError, **options: Any) -> Setting:
        def read(*_: object) -> LedgerFacts:
            if isinstance(facts, DatabaseError):
                raise facts
            return facts

        monkeypatch.setattr(resolving, "in_snapshot", lambda _, __, ask: ask(None))
        monkeypatch.setattr(resolving, "read_identity", lambda _: (None, NOON))
        monkeypatch.setattr(resolving, "read_ledger", read)
        return resolve(PROJECT, Options(**{"endpoints": HTTP, **options}), SETTINGS)

    return run


def ledger(environment: Environment | None = STAGING, *, simulated: bool = False) -> LedgerFacts:
    """What the ledger of a database of this environment says."""
    return LedgerFacts(environment=environment, simulated=simulated)


@pytest.mark.parametrize(("asked", "known"), [(STAGING, None), (None, STAGING), (STAGING, STAGING)])
def test_the_environment_is_what_is_asked_or_known(
    resolved: Resolved, asked: Environment | None, known: Environment | None
) -> None:
    """Either is enough, and both may agree."""
    assert resolved(ledger(known), environment=asked).environment is STAGING


def test_the_ledger_of_another_environment_is_refused(resolved: Resolved) -> None:
    """The message names both, and what to check."""
    said = "is staging here, but the ledger says that this database is production; check DATABASE"
    with pytest.raises(UsageError, match=said):
        resolved(ledger(PRODUCTION), environment=STAGING)


def test_an_environment_that_nobody_knows_is_refused(resolved: Resolved) -> None:
    """The message says how to name it."""
    with pytest.raises(UsageError, match="nothing says which environment this is; pass --env"):
        resolved(ledger(None))


def test_a_database_out_of_reach_gets_a_record_of_that(resolved: Resolved) -> None:
    """Where somebody says which environment it is."""
    found = resolved(DatabaseError("no route to it"), environment=STAGING)
    assert (found.problem, found.environment) == ("no route to it", STAGING)


def test_a_database_out_of_reach_of_no_known_environment_is_refused(resolved: Resolved) -> None:
    """Nobody knows where its record would lie."""
    with pytest.raises(UsageError, match="no route to it; pass --environment or set NODE_ENV"):
        resolved(DatabaseError("no route to it"))


@pytest.mark.parametrize("simulated", [True, False])
def test_the_ledger_says_whether_it_is_simulated(resolved: Resolved, *, simulated: bool) -> None:
    """The record repeats it."""
    found = resolved(ledger(simulated=simulated))
    assert (found.simulated, found.problem) == (simulated, None)


def test_a_window_that_ends_in_the_future_is_refused(resolved: Resolved) -> None:
    """By the server's clock."""
    with pytest.raises(UsageError, match="future of the server's clock"):
        resolved(ledger(), as_of=NOON + HOUR)


def test_a_simulated_window_may_end_in_the_future(resolved: Resolved) -> None:
    """The sandbox makes its own time."""
    found = resolved(ledger(simulated=True), as_of=NOON + HOUR)
    assert found.options.as_of == NOON + HOUR


@pytest.mark.parametrize("as_of", [None, NOON])
def test_a_soak_does_not_begin_after_its_windows_end(
    resolved: Resolved, as_of: datetime | None
) -> None:
    """Which is now where nobody names it; the same moment is allowed."""
    resolved(ledger(), as_of=as_of, deployed_at=NOON)
    with pytest.raises(UsageError, match=r"--deployed-at=2026-11-23T12:00:01Z lies after"):
        resolved(ledger(), as_of=as_of, deployed_at=NOON + timedelta(seconds=1))


def test_a_ledger_that_is_left_out_is_not_asked(resolved: Resolved) -> None:
    """Not even whose database it is."""
    found = resolved(ledger(PRODUCTION), environment=STAGING, without=frozenset({"ledger"}))
    assert (found.environment, found.simulated) == (STAGING, False)


@pytest.mark.parametrize("group", ["endpoints", "sync"])
def test_a_group_that_there_is_can_be_left_out(resolved: Resolved, group: str) -> None:
    """By its own name, or by what its metrics need."""
    found = resolved(ledger(), without=frozenset({group}))
    assert found.options.without == {group}


def test_a_group_that_there_is_not_is_refused(resolved: Resolved) -> None:
    """Those that there are, are named."""
    with pytest.raises(UsageError, match=r"--without=weather: there is no such group; .*webhook"):
        resolved(ledger(), without=frozenset({"sync", "weather"}))


def test_half_a_group_by_a_name_like_the_whole_one_is_refused(resolved: Resolved) -> None:
    """It was read as another group, whose absence allows no GO."""
    said = "--without=endpoint: there is no such group; did you mean endpoints?"
    with pytest.raises(UsageError, match=re.escape(said)):
        resolved(ledger(), without=frozenset({"endpoint"}))


@pytest.mark.parametrize("metric", ["endpoint.helth", "sync.success_rate"])
def test_an_endpoint_that_feeds_no_metric_of_endpoints_is_refused(
    resolved: Resolved, metric: str
) -> None:
    """Its answer would be judged by nobody, or stand for what a survey measures."""
    health = HTTP.every[0].model_copy(update={"metric": metric})
    endpoints = HTTP.model_copy(update={"every": (health, *HTTP.every[1:])})
    with pytest.raises(UsageError, match=rf"feeds {metric}, and .*; there are endpoint\.admin"):
        resolved(ledger(), endpoints=endpoints)


@pytest.mark.parametrize(("environment", "hours"), [(STAGING, 48), (PRODUCTION, 24)])
def test_an_environment_has_a_window_of_its_own(
    resolved: Resolved, environment: Environment, hours: int
) -> None:
    """Where none is asked for."""
    assert resolved(ledger(environment)).window_asked == hours * HOUR
    assert resolved(ledger(environment), window=HOUR).window_asked == HOUR


def test_records_lie_in_the_project_unless_another_place_is_named(
    resolved: Resolved, tmp_path: Path
) -> None:
    """The archive below its reports."""
    assert resolved(ledger()).archive_dir == PROJECT.root / "reports" / "archive"
    assert resolved(ledger(), archive_dir=tmp_path).archive_dir == tmp_path


def test_another_criteria_file_is_judged_by(resolved: Resolved, tmp_path: Path) -> None:
    """The checklist may still name the metrics of the project's own."""
    other = tmp_path / "other.toml"
    other.write_text(ONE_METRIC, encoding="utf-8")
    shipped, found = resolved(ledger()), resolved(ledger(), criteria=other)
    assert list(found.criteria.metrics) == ["sync.all"]
    assert found.checklist == shipped.checklist


def test_every_check_of_the_environment_is_expected(resolved: Resolved) -> None:
    """In the file's order."""
    found = resolved(ledger(PRODUCTION))
    assert found.expected == found.criteria.checks(PRODUCTION)


@pytest.mark.parametrize("ahead", [timedelta(), -timedelta(days=9), timedelta(minutes=5)])
def test_an_as_of_within_the_clocks_tolerance_is_allowed(ahead: timedelta) -> None:
    """The past, now, and exactly five minutes ahead of the server's clock."""
    check_as_of(NOON + ahead, NOON, simulated=False)


def test_an_as_of_in_the_future_is_refused() -> None:
    """More than five minutes ahead there is nothing to judge yet: exit code 4."""
    with pytest.raises(UsageError, match="future of the server's clock") as caught:
        check_as_of(NOON + timedelta(minutes=5) + timedelta(seconds=1), NOON, simulated=False)
    assert caught.value.exit_code == 4


def test_only_a_simulated_database_may_be_judged_ahead_of_its_clock() -> None:
    """The sandbox's 48 hours lie after its deployment."""
    check_as_of(NOON + timedelta(days=2), NOON, simulated=True)
