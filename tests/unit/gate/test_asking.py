"""What the application answers over HTTP, as measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from engine_criteria import CRITERIA
from first_application import GATE, HTTP
from gonogo.application.answers import AnswerKind, EndpointAnswer
from gonogo.checklist import Checklist
from gonogo.config.application import Endpoints
from gonogo.config.project import Project
from gonogo.errors import DatabaseError
from gonogo.gate import observe as observing
from gonogo.gate.observe import ask_endpoints, observe
from gonogo.gate.setting import Options, Setting
from gonogo.model.kinds import Environment, Outcome, Says
from gonogo.model.measurement import Measurement, Remark
from gonogo.postgres.dsn import DatabaseSettings

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
                EndpointAnswer(one.name, one.path, kinds.get(one.name, OK), one.name)
                for one in GATE
            )

        monkeypatch.setattr(observing, "probe", probe)
        return ask_endpoints(setting(*without), HTTP, environ)

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
        (timedelta(seconds=1), None),
    ],
)
def test_a_clock_that_differs_from_the_servers_is_noted(
    ahead: timedelta, says: Says | None
) -> None:
    """Where a metric judges the clocks; by how many minutes."""
    clocks = CRITERIA.metrics["db.clock_skew"].model_copy(update={"clock": True})
    known = CRITERIA.model_copy(update={"metrics": {clocks.id: clocks}})
    measured = {clocks.id: Measurement(clocks.id, value=Fraction(0))}
    found = observing._with_our_clock(known, measured, ahead)[clocks.id].notes
    assert found == ((Remark(says, number=9),) if says else ())


def test_a_clock_that_no_metric_judges_is_not_noted() -> None:
    """There is nowhere to say so."""
    measured = {"db.clock_skew": Measurement("db.clock_skew", value=Fraction(0))}
    assert observing._with_our_clock(CRITERIA, measured, timedelta(hours=9)) == measured
