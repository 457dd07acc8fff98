"""What the application answers over HTTP, as measurements and as findings."""

from __future__ import annotations

import functools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
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
from serving import BREAKS_OFF, serving

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
    """Three HTTP errors are enough to roll back, while health answers."""
    answers[PATHS["dashboard"], False] = (status, "")
    told = ask(WEBHOOK_BASE_URL=application)
    assert judged(told["endpoint.dashboard"], Role.TRIGGER).outcome is outcome


@pytest.mark.parametrize("health", [(404, ""), (503, ""), (200, '{"status": "unhealthy"}')])
def test_a_dashboard_fires_only_while_health_answers(
    application: str, answers: Answers, ask: Callable[..., dict[str, Measurement]], health: Answer
) -> None:
    """Another server on that port answers 404 to all: that is no reason to roll back."""
    answers[PATHS["dashboard"], False], answers[PATHS["health"], False] = (404, ""), health
    told = ask(WEBHOOK_BASE_URL=application)
    trigger = judged(told["endpoint.dashboard"], Role.TRIGGER)
    assert trigger.outcome is OPEN
    assert "the health endpoint does not answer as it must either" in why(trigger)
    assert {judged(told[name]).outcome for name in ("endpoint.health", "endpoint.dashboard")} == {
        FAILED
    }


def broken(listener: socket.socket) -> None:
    """Take every connection, and end it without a word."""
    with suppress(OSError):
        while True:
            listener.accept()[0].close()


def silent(listener: socket.socket) -> None:
    """Take no connection: the system does, and nobody answers."""
    del listener


@pytest.fixture(params=["refused", "broken", "silent", "TLS", "DNS"])
def unreachable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An address that no answer comes from, and what is said of it."""
    if request.param == "DNS":
        yield "https://gonogo.invalid", "the name does not resolve here"
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if request.param == "silent":
            yield address, "no answer in time"
        if request.param == "broken":
            thread = threading.Thread(target=broken, args=(listener,))
            thread.start()
            yield address, "the connection broke"
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
    if request.param == "refused":
        yield address, "connection refused"
    if request.param == "TLS":
        with serving(lambda *_: HEALTHY, tmp_path) as self_signed:
            yield self_signed, "no secure connection (TLS)"


def test_an_address_from_which_nobody_answers_is_inconclusive(
    ask: Callable[..., dict[str, Measurement]],
    unreachable: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be a wrong one: no check is met, and nobody is sent to roll back."""
    monkeypatch.setattr("gonogo.application.endpoints.REQUEST_TIMEOUT_S", 0.5)
    address, says = unreachable
    told = ask(WEBHOOK_BASE_URL=address)
    assert set(told) == set(CASES)
    assert {judged(measurement).outcome for measurement in told.values()} == {OPEN}
    trigger = judged(told["endpoint.dashboard"], Role.TRIGGER)
    assert trigger.outcome is OPEN
    assert says in why(trigger)
    assert "the address may be wrong" in why(trigger)


def test_a_dashboard_that_breaks_off_is_a_failure_and_no_trigger(
    application: str, answers: Answers, ask: Callable[..., dict[str, Measurement]]
) -> None:
    """It is no HTTP error; the others answer."""
    answers[PATHS["dashboard"], False] = (BREAKS_OFF, "")
    told = ask(WEBHOOK_BASE_URL=application)["endpoint.dashboard"]
    assert judged(told).outcome is FAILED
    trigger = judged(told, Role.TRIGGER)
    assert trigger.outcome is OPEN
    assert "which is no HTTP error" in why(trigger)


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
