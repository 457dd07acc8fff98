"""What the application answers over HTTP, as measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from engine_criteria import CRITERIA
from first_application import GATE, HTTP
from gonogo.application.exchange import AnswerKind, EndpointAnswer
from gonogo.checklist.entries import Checklist
from gonogo.config.application import Endpoints
from gonogo.config.project import Project
from gonogo.errors import DatabaseError
from gonogo.gate import observe as observing
from gonogo.gate.observe import ask_endpoints, observe
from gonogo.gate.setting import Observation, Options, Setting
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.model.kinds import Environment, Outcome, Says
from gonogo.model.measurement import Measurement, Remark, clip
from gonogo.postgres.dsn import DatabaseSettings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADDRESS = "WEBHOOK_BASE_URL"
SECURE = {ADDRESS: "https://app.example"}
TOKEN = {"ADMIN_JWT": "an-admins-json-web-token"}
OK, WARNING = AnswerKind.OK, AnswerKind.WARNING
FAILED, INCONCLUSIVE = AnswerKind.FAILED, AnswerKind.INCONCLUSIVE
Ask = Callable[..., Mapping[str, Measurement]]


def setting(*without: str, endpoints: Endpoints = HTTP, problem: str | None = None) -> Setting:
    """A gate of staging that leaves these groups out."""
    return Setting(
        Project(Path(__file__).parents[3]),
        Options(without=frozenset(without), endpoints=endpoints),
        CRITERIA,
        Environment.STAGING,
        DatabaseSettings("", "the test"),
        Checklist.model_construct(phase=()),
        problem=problem,
    )


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask an application whose endpoints answer so, by their names; all others are well."""

    def run(
        environ: Mapping[str, str], *without: str, **kinds: AnswerKind
    ) -> Mapping[str, Measurement]:
        def probe(*_: object, **__: object) -> tuple[EndpointAnswer, ...]:
            return tuple(
                EndpointAnswer(
                    one.name, one.path, kinds.get(one.name, OK), one.name, 200, heard=True
                )
                for one in GATE
            )

        monkeypatch.setattr("gonogo.application.endpoints.probe", probe)
        return ask_endpoints(setting(*without), environ)

    return run


def test_each_metric_of_an_endpoint_is_measured(ask: Ask) -> None:
    """Several endpoints may feed one metric."""
    metrics = {one.metric for one in GATE}
    assert len(metrics) < len(GATE)
    assert ask(SECURE).keys() == metrics
    assert {found.value for found in ask(SECURE).values()} == {Fraction(1)}


@pytest.mark.parametrize("environ", [{}, {ADDRESS: ""}, {ADDRESS: "  "}])
def test_without_an_address_nothing_is_asked(ask: Ask, environ: dict[str, str]) -> None:
    """A blank is none."""
    assert ask(environ) == {}


def test_endpoints_that_are_left_out_are_not_asked(ask: Ask) -> None:
    """On purpose."""
    assert ask(SECURE, "endpoints") == {}


def test_a_right_answer_is_noted(ask: Ask) -> None:
    """With its address."""
    found = ask(SECURE)["endpoint.dashboard"]
    assert [(note.says, note.detail) for note in found.notes] == [(Says.ANSWERED, "dashboard")]
    assert (found.missing, found.degraded) == (None, None)


def test_a_wrong_answer_is_a_no(ask: Ask) -> None:
    """It is measured all the same."""
    found = ask(SECURE, dashboard=FAILED)["endpoint.dashboard"]
    assert (found.value, found.missing, found.degraded) == (Fraction(0), None, None)


def test_a_degraded_answer_is_a_yes_with_a_remark(ask: Ask) -> None:
    """It becomes a warning."""
    found = ask(SECURE, health=WARNING)["endpoint.health"]
    assert (found.value, found.degraded) == (Fraction(1), found.notes[0])


def test_no_answer_is_missing(ask: Ask) -> None:
    """It is neither a yes nor a no."""
    found = ask(SECURE, health=INCONCLUSIVE)["endpoint.health"]
    assert (found.value, found.missing and found.missing.says) == (None, Says.ANSWERED)


@pytest.mark.parametrize(
    ("closed", "open_", "value"),
    [(OK, OK, 1), (OK, FAILED, 0), (FAILED, INCONCLUSIVE, 0), (OK, INCONCLUSIVE, None)],
)
def test_a_metric_is_as_good_as_the_worst_of_its_answers(
    ask: Ask, closed: AnswerKind, open_: AnswerKind, value: int | None
) -> None:
    """A wrong one is worse than none."""
    found = ask(SECURE, admin_closed=closed, admin_open=open_)["endpoint.admin"]
    assert found.value == value


@pytest.mark.parametrize(
    "environ",
    [
        {ADDRESS: "not a url"},
        {ADDRESS: "http://app.example"} | TOKEN,
        SECURE | {"ADMIN_JWT": "short"},
    ],
)
def test_what_a_deployment_refuses_is_not_asked(ask: Ask, environ: dict[str, str]) -> None:
    """Every endpoint's metric says which variable is wrong."""
    found = ask(environ)
    assert found.keys() == {one.metric for one in GATE}
    said = {one.missing and one.missing.says for one in found.values()}
    assert said == {Says.BAD_VARIABLE}


def test_plain_http_is_asked_where_no_token_travels(ask: Ask) -> None:
    """There is nothing to overhear."""
    assert ask({ADDRESS: "http://app.example"})["endpoint.health"].value == 1


def outcomes(seen: Setting, answers: Mapping[str, Measurement]) -> Mapping[str, Outcome]:
    """How each check comes out."""
    return {name: one.outcome for name, one in observe(seen, answers).findings.items()}


def test_a_database_out_of_reach_leaves_every_check_open() -> None:
    """And every metric says why."""
    seen = observe(setting(problem="no route to it"), {})
    assert {one.outcome for one in seen.findings.values()} == {Outcome.INCONCLUSIVE}
    assert len(seen.findings) == len(CRITERIA.checks(Environment.STAGING))
    missing = seen.measurements["sync.success_rate"].missing
    assert missing == Remark(Says.UNREACHABLE, detail="no route to it")
    assert seen.identity is None


def test_a_database_that_gets_lost_leaves_every_check_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that was never in reach."""

    def lose(*_: object) -> None:
        raise DatabaseError("it went away")

    monkeypatch.setattr(observing, "in_snapshot", lose)
    assert set(outcomes(setting(), {}).values()) == {Outcome.INCONCLUSIVE}


def test_a_database_out_of_reach_is_told_with_the_window_that_was_asked_for() -> None:
    """Its end, its beginning, and what the ledger could not say."""
    seen = observe(replace(setting(problem="no route"), options=Options(as_of=NOON)), {})
    assert (seen.window.end, seen.window.asked) == (NOON, timedelta(hours=48))
    assert (seen.window.deployed_at, seen.ledger.problem) == (None, "no route")


@pytest.mark.parametrize(
    ("endpoints", "says"),
    [(HTTP, Remark(Says.NO_ADDRESS, ADDRESS)), (Endpoints(), Remark(Says.NO_ENDPOINT))],
)
def test_an_endpoint_that_was_not_asked_says_why(endpoints: Endpoints, says: Remark) -> None:
    """No address, or no endpoint of that metric in rollout.toml."""
    assert not_measured(endpoints)["endpoint.health"].missing == says


def test_a_survey_that_was_not_asked_says_so() -> None:
    """It measured nothing."""
    assert not_measured(HTTP)["sync.success_rate"].missing == Remark(Says.NOT_ASKED)


def not_measured(endpoints: Endpoints) -> Mapping[str, Measurement]:
    """What is judged where nothing was measured."""
    nothing = Observation(clip(timedelta(hours=48), NOON, None), NOON, LedgerFacts(), None, {}, {})
    return observing.judged(setting(endpoints=endpoints), nothing).measurements


def test_endpoints_are_judged_though_the_database_is_out_of_reach() -> None:
    """They were asked."""
    answers = {"endpoint.health": Measurement("endpoint.health", value=Fraction(1))}
    found = outcomes(setting(problem="no route"), answers)
    assert found["criterion:endpoint.health"] is Outcome.MET


def test_what_is_left_out_is_left_out_whatever_was_measured() -> None:
    """By its group."""
    answers = {"endpoint.health": Measurement("endpoint.health", value=Fraction(1))}
    seen = observe(setting("endpoint", problem="no route"), answers)
    found = seen.measurements["endpoint.health"]
    assert found.left_out == Remark(Says.LEFT_OUT, "endpoint")
    assert seen.findings["criterion:endpoint.health"].outcome is Outcome.LEFT_OUT


@pytest.mark.parametrize(
    ("ahead", "says"),
    [
        (timedelta(minutes=9), Says.CLOCK_AHEAD),
        (-timedelta(minutes=9), Says.CLOCK_BEHIND),
        (timedelta(minutes=1, seconds=59), None),
        (-timedelta(minutes=1, seconds=59), None),
    ],
)
def test_a_clock_that_differs_from_the_servers_is_noted(
    ahead: timedelta, says: Says | None
) -> None:
    """Where a metric judges the clocks, beside its own notes; by how many minutes."""
    clocks = CRITERIA.metrics["db.clock_skew"].model_copy(update={"clock": True})
    known = CRITERIA.model_copy(update={"metrics": {clocks.id: clocks}})
    own = Remark(Says.ANSWERED)
    measured = {clocks.id: Measurement(clocks.id, value=Fraction(0), notes=(own,))}
    found = observing.with_our_clock(known, measured, ahead)[clocks.id].notes
    assert found == ((own, Remark(says, number=9)) if says else (own,))


def test_a_clock_that_no_metric_judges_is_not_noted() -> None:
    """There is nowhere to say so."""
    measured = {"db.clock_skew": Measurement("db.clock_skew", value=Fraction(0))}
    assert observing.with_our_clock(CRITERIA, measured, timedelta(hours=9)) == measured
