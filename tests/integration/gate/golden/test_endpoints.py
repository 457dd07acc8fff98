"""What the application answers over HTTP, as measurements and as findings."""

from __future__ import annotations

import functools
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine_criteria import judged_alike
from first_application import ADMIN, HTTP, PATHS, SMOKE
from gonogo import criteria
from gonogo.application.endpoints import probe
from gonogo.checklist.entries import load_checklist
from gonogo.config.project import Project
from gonogo.gate.observe import ask_endpoints
from gonogo.gate.setting import Options, Setting
from gonogo.judge.finding import judge
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment, Outcome, Role
from gonogo.model.measurement import Measurement
from gonogo.postgres.dsn import DatabaseSettings
from saying import why
from serving import serving

PROJECT = Project(Path(__file__).parents[4])
CRITERIA = judged_alike(criteria.load(PROJECT.criteria_file, PROJECT.sql_dir))
SHOWN = "an-admins-json-web-token"
HEALTHY = (200, json.dumps({"status": "healthy"}))
MET, WARNING, FAILED, FIRED, OPEN = (
    Outcome.MET,
    Outcome.WARNING,
    Outcome.FAILED,
    Outcome.FIRED,
    Outcome.INCONCLUSIVE,
)
Answer = tuple[int, str]
# Status and body; the admin's status with the token; what the criterion makes of it, and says.
CASES: dict[str, list[tuple[Answer, int | None, Outcome, str]]] = {
    "endpoint.health": [
        (HEALTHY, None, MET, "HTTP 200, healthy"),
        ((200, '{"status": "degraded"}'), None, WARNING, "degraded"),
        ((200, '{"status": "unhealthy"}'), None, FAILED, "status is 'unhealthy'"),
        ((200, "fine"), None, FAILED, "no JSON"),
        ((200, ""), None, FAILED, "no JSON"),
        ((500, HEALTHY[1]), None, FAILED, "HTTP 500 instead of 200"),
    ],
    "endpoint.admin": [
        ((401, ""), None, MET, "HTTP 401 without a token"),
        ((403, ""), None, MET, "HTTP 403 without a token"),
        ((200, ""), None, FAILED, "anyone can read it"),
        ((404, ""), None, FAILED, "HTTP 404: nobody serves this path"),
        ((401, ""), 200, MET, "HTTP"),
        ((401, ""), 403, FAILED, "HTTP 403: ADMIN_JWT is refused"),
        ((200, ""), 200, FAILED, "anyone can read it"),
    ],
    "endpoint.dashboard": [
        ((200, "<html>"), None, MET, "HTTP 200"),
        ((404, ""), None, FAILED, "HTTP 404: nobody serves this path"),
        ((500, ""), None, FAILED, "HTTP 500 instead of 200"),
        ((302, ""), None, FAILED, "HTTP 302 instead of 200"),
    ],
}
PATH_OF = {
    "endpoint.health": PATHS["health"],
    "endpoint.admin": ADMIN,
    "endpoint.dashboard": PATHS["dashboard"],
}
Answers = dict[tuple[str, bool], Answer]


@pytest.fixture
def answers() -> Answers:
    """What the application answers, by path and whether it was shown the token."""
    healthy = {PATHS["health"]: HEALTHY, ADMIN: (401, ""), PATHS["dashboard"]: (200, "<html>")}
    return {(path, False): answer for path, answer in healthy.items()}


@pytest.fixture
def application(answers: Answers) -> Iterator[str]:
    """The address of an application that gives these answers."""

    def answer(path: str, authorization: str) -> tuple[int, str]:
        shown = authorization == f"Bearer {SHOWN}"
        return answers.get((path, shown)) or answers[path, False]

    with serving(answer) as address:
        yield address


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Measurement]]:
    """Ask as the gate does, but without pauses: ``ask(WEBHOOK_BASE_URL=…)``."""
    hasty = functools.partial(probe, pause_s=0)
    monkeypatch.setattr("gonogo.application.endpoints.probe", hasty)

    def measurements(
        without: frozenset[str] = frozenset(), **environ: str
    ) -> dict[str, Measurement]:
        setting = Setting(
            PROJECT,
            Options(without=without, endpoints=HTTP),
            CRITERIA,
            Environment.STAGING,
            DatabaseSettings("", "the test"),
            load_checklist(PROJECT, CRITERIA.metrics, SMOKE),
        )
        return ask_endpoints(setting, environ)

    return measurements


def judged(measurement: Measurement, role: Role = Role.CRITERION) -> Finding:
    """What the measurement means."""
    metric = CRITERIA.metrics[measurement.metric]
    return judge(role, metric, measurement, CRITERIA.rules, Environment.STAGING)


@pytest.mark.parametrize(
    ("metric", "case"), [(metric, case) for metric, cases in CASES.items() for case in cases]
)
def test_an_answer_is_judged_by_what_it_must_be(
    application: str,
    answers: Answers,
    ask: Callable[..., dict[str, Measurement]],
    metric: str,
    case: tuple[Answer, int | None, Outcome, str],
) -> None:
    """The criterion says what was answered; the other endpoints are as they must be."""
    answer, with_token, outcome, reason = case
    answers[PATH_OF[metric], False] = answer
    told = ask(WEBHOOK_BASE_URL=application)
    if with_token:
        answers[PATH_OF[metric], True] = (with_token, "")
        told = ask(WEBHOOK_BASE_URL=application, ADMIN_JWT=SHOWN)
    found = judged(told[metric])
    assert found.outcome is outcome
    assert reason in why(found)
    assert SHOWN not in repr(told)
    others = {judged(measurement).outcome for name, measurement in told.items() if name != metric}
    assert others == {MET}


@pytest.mark.parametrize(("status", "outcome"), [(200, MET), (404, FIRED), (503, FIRED)])
def test_a_dashboard_that_is_not_accessible_is_a_trigger(
    application: str,
    answers: Answers,
    ask: Callable[..., dict[str, Measurement]],
    status: int,
    outcome: Outcome,
) -> None:
    """Three HTTP errors are enough to roll back."""
    answers[PATHS["dashboard"], False] = (status, "")
    told = ask(WEBHOOK_BASE_URL=application)
    assert judged(told["endpoint.dashboard"], Role.TRIGGER).outcome is outcome


def test_a_refused_connection_fails_all_and_fires(
    ask: Callable[..., dict[str, Measurement]],
) -> None:
    """Nobody listens: the application is down."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    told = ask(WEBHOOK_BASE_URL=f"http://127.0.0.1:{port}")
    assert {judged(measurement).outcome for measurement in told.values()} == {FAILED}
    fired = judged(told["endpoint.dashboard"], Role.TRIGGER)
    assert fired.outcome is FIRED
    assert "connection refused" in why(fired)


def test_a_name_that_does_not_resolve_is_inconclusive(
    ask: Callable[..., dict[str, Measurement]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own DNS may be to blame: no check is met, and nobody is sent to roll back."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    told = ask(WEBHOOK_BASE_URL="http://app.invalid")
    assert set(told) == set(CASES)
    assert {judged(measurement).outcome for measurement in told.values()} == {OPEN}
    trigger = judged(told["endpoint.dashboard"], Role.TRIGGER)
    assert trigger.outcome is OPEN
    assert "the name does not resolve here" in why(trigger)


@pytest.mark.parametrize("environ", [{}, {"WEBHOOK_BASE_URL": " "}])
def test_without_an_address_nothing_is_asked(
    ask: Callable[..., dict[str, Measurement]], environ: dict[str, str]
) -> None:
    """The gate then says that it is not set."""
    assert ask(**environ) == {}


def test_what_is_left_out_on_purpose_is_not_asked(
    application: str, ask: Callable[..., dict[str, Measurement]]
) -> None:
    """Though there is an address."""
    assert ask(without=frozenset({"endpoints"}), WEBHOOK_BASE_URL=application) == {}
