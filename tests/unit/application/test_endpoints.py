"""Asking the application: what its answers, and its silences, mean."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from first_application import ADMIN, GATE, HTTP, PATHS, READY
from gonogo.application.endpoints import probe, wait_healthy
from gonogo.application.exchange import AnswerKind, EndpointAnswer
from gonogo.application.smoke import send_smoke
from gonogo.errors import StepError
from waiting import until

HEALTHY = (200, json.dumps({"status": "healthy"}))
GOOD = {PATHS["health"]: HEALTHY, ADMIN: (401, ""), PATHS["dashboard"]: (200, "<html>")}
Answers = Mapping[str, tuple[int, str]]


class Application:
    """A stub of the application.

    Args:
        answers: Status and body by path.
    """

    def __init__(self, answers: Answers) -> None:
        self.asked: list[str] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub.asked.append(self.path)
                status, body = answers[self.path]
                if self.path == ADMIN and self.headers.get("Authorization"):
                    status = 200
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def do_POST(self) -> None:
                status, body = answers.get(self.path, (404, "<html>"))
                self.send_response(status)
                if body.startswith("{"):
                    self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def application() -> Iterator[Callable[[Answers], Application]]:
    """A factory of stubs, all stopped with the test."""
    started: list[Application] = []

    def start(answers: Answers) -> Application:
        started.append(Application(answers))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def ask(url: str, **changes: object) -> dict[str, EndpointAnswer]:
    """Probe without pauses; answers by name."""
    environ = {"ADMIN_JWT": str(changes.get("admin_jwt", ""))}
    answers = probe(url, GATE, environ, timeout_s=30, pause_s=0)
    return {answer.name: answer for answer in answers}


def test_a_healthy_application(application: Callable[[Answers], Application]) -> None:
    """Every answer is ok, each asked once."""
    answers = ask(application(GOOD).url, admin_jwt="token")
    assert answers
    assert list(answers) == ["health", "admin_closed", "admin_open", "dashboard"]
    assert {answer.attempts for answer in answers.values()} == {1}


@pytest.mark.parametrize(
    ("path", "answer", "name", "kind", "reason"),
    [
        ("health", (200, '{"status": "degraded"}'), "health", AnswerKind.WARNING, "degraded"),
        ("health", (200, '{"status": "down"}'), "health", AnswerKind.FAILED, "'down'"),
        ("health", (200, "[]"), "health", AnswerKind.FAILED, "None"),
        ("health", (200, "fine"), "health", AnswerKind.FAILED, "no JSON"),
        ("health", (503, ""), "health", AnswerKind.FAILED, "HTTP 503"),
        ("admin_closed", (403, ""), "admin_closed", AnswerKind.OK, "HTTP 403"),
        ("admin_closed", (200, ""), "admin_closed", AnswerKind.FAILED, "anyone can read it"),
        ("admin_closed", (404, ""), "admin_closed", AnswerKind.FAILED, "HTTP 404"),
        ("dashboard", (302, ""), "dashboard", AnswerKind.FAILED, "HTTP 302"),
    ],
)
def test_what_an_answer_means(
    application: Callable[[Answers], Application],
    path: str,
    answer: tuple[int, str],
    name: str,
    kind: AnswerKind,
    reason: str,
) -> None:
    """Each answer is judged by what the metrics demand."""
    answers = ask(application({**GOOD, PATHS[path]: answer}).url)
    assert answers[name].kind is kind
    assert reason in answers[name].reason


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        ((400, ""), AnswerKind.OK, "HTTP 400"),
        ((204, ""), AnswerKind.OK, "HTTP 204"),
        ((404, "{}"), AnswerKind.OK, "the application itself"),
        ((404, "<html>"), AnswerKind.FAILED, "nobody serves this path"),
        ((500, "{}"), AnswerKind.FAILED, "HTTP 500"),
    ],
)
def test_the_webhook_answers_to_what_is_no_notification(
    application: Callable[[Answers], Application],
    answer: tuple[int, str],
    kind: AnswerKind,
    reason: str,
) -> None:
    """A refusal is an answer; a path that nobody serves is none. Only a deployment asks."""
    url = application({**GOOD, PATHS["webhook"]: answer}).url
    told = probe(url, HTTP.asked_by("deploy"), {}, timeout_s=30, pause_s=0)
    assert (told[-1].name, told[-1].kind) == ("webhook", kind)
    assert reason in told[-1].reason


@pytest.mark.parametrize(
    ("path", "status", "headers", "kind", "reason"),
    [
        ("manual_sync", 202, {}, AnswerKind.OK, "HTTP 202"),
        ("manual_sync", 401, {}, AnswerKind.FAILED, "SMOKE_JWT is refused"),
        ("manual_sync", 500, {}, AnswerKind.FAILED, "instead of 2xx"),
        ("manual_sync", 202, {"SMOKE_JWT": ""}, AnswerKind.INCONCLUSIVE, "not sent: SMOKE_JWT"),
        ("manual_sync", 202, {"SMOKE_JWT": "a\nb"}, AnswerKind.INCONCLUSIVE, "SMOKE_JWT is no"),
        ("webhook", 200, {}, AnswerKind.OK, "HTTP 200"),
        ("webhook", 404, {}, AnswerKind.FAILED, "nobody serves this path"),
        ("webhook", 403, {}, AnswerKind.FAILED, "WEBHOOK_VERIFICATION_TOKEN is refused"),
        ("webhook", 200, {"WEBHOOK_VERIFICATION_TOKEN": ""}, AnswerKind.INCONCLUSIVE, "not set"),
    ],
)
def test_what_smoke_requests_bring(
    application: Callable[[Answers], Application],
    path: str,
    status: int,
    headers: dict[str, str],
    kind: AnswerKind,
    reason: str,
) -> None:
    """Each is sent once; what was not sent is inconclusive."""
    answers = {PATHS["manual_sync"]: (202, ""), PATHS["webhook"]: (200, "")}
    url = application(answers | {PATHS[path]: (status, "")}).url
    environ = {"SMOKE_JWT": "s" * 16, "WEBHOOK_VERIFICATION_TOKEN": "t" * 16, **headers}
    sent = send_smoke(HTTP, {"WEBHOOK_BASE_URL": url, **environ})
    told = {one.answer.name: one.answer for one in sent}
    assert told[path].kind is kind
    assert reason in told[path].reason


def test_a_failing_endpoint_is_asked_three_times(
    application: Callable[[Answers], Application],
) -> None:
    """One bad moment is not an outage."""
    stub = application({**GOOD, PATHS["dashboard"]: (500, "")})
    assert ask(stub.url)["dashboard"].attempts == 3
    assert stub.asked.count(PATHS["dashboard"]) == 3
    assert stub.asked.count(PATHS["health"]) == 1


def test_a_refused_connection_is_the_applications_failure(
    application: Callable[[Answers], Application],
) -> None:
    """Nobody listens; where no endpoint answers, the gate asks whether any ever did."""
    stub = application(GOOD)
    stub.stop()
    answer = ask(stub.url)["dashboard"]
    assert (answer.kind, answer.reason) == (AnswerKind.FAILED, "connection refused")


def test_a_name_that_does_not_resolve_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own DNS may be to blame."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert ask("http://app.invalid")["health"].kind is AnswerKind.INCONCLUSIVE


def test_silence_is_inconclusive() -> None:
    """A listener that never answers may be behind a network fault of ours."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        answers = probe(url, GATE, {}, timeout_s=0.05, pause_s=0)
    assert {answer.kind for answer in answers} == {AnswerKind.INCONCLUSIVE}


def test_a_silence_among_failures_leaves_it_open(
    application: Callable[[Answers], Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three failures are the application's; two and a time-out of ours prove nothing."""
    stub = application({**GOOD, PATHS["dashboard"]: (500, "")})
    asked: list[str] = []
    plain = httpx.Client.stream

    def once_silent(
        client: httpx.Client, method: str, url: str, **options: Any
    ) -> AbstractContextManager[httpx.Response]:
        asked.append(url)
        if url.endswith(PATHS["dashboard"]) and asked.count(url) == 2:
            raise httpx.ReadTimeout("no answer")
        return plain(client, method, url, **options)

    monkeypatch.setattr(httpx.Client, "stream", once_silent)
    answer = ask(stub.url)["dashboard"]
    assert (answer.kind, answer.attempts) == (AnswerKind.INCONCLUSIVE, 3)


def test_a_plain_address_needs_no_certificates(
    application: Callable[[Answers], Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None are read, which takes longer than a question: an outage is asked about all the time."""
    monkeypatch.delattr(ssl, "create_default_context")
    assert ask(application(GOOD).url)["health"].kind is AnswerKind.OK


def test_no_answer_shows_credentials(application: Callable[[Answers], Application]) -> None:
    """What stands before the host in a URL stays there."""
    url = application(GOOD).url.replace("http://", "http://bob:hush@")
    answers = ask(url)
    assert answers
    assert "hush" not in repr(answers)


def test_waiting_ends_when_the_application_is_healthy(
    application: Callable[[Answers], Application],
) -> None:
    """The first healthy answer is enough."""
    answer = wait_healthy(application(GOOD).url, READY, {}, timeout_s=5)
    assert answer.kind is AnswerKind.OK


def test_waiting_accepts_a_degraded_application_in_the_end(
    application: Callable[[Answers], Application],
) -> None:
    """Degraded is a warning, which the caller shows."""
    stub = application({**GOOD, PATHS["health"]: (200, '{"status": "degraded"}')})
    assert wait_healthy(stub.url, READY, {}, timeout_s=0.1).kind is AnswerKind.WARNING


def test_waiting_is_bounded(application: Callable[[Answers], Application]) -> None:
    """An application that does not come up is a failed step that says what it answered."""
    stub = application({**GOOD, PATHS["health"]: (500, "")})
    with pytest.raises(StepError, match=r"not healthy after 0.1 s: HTTP 500"):
        wait_healthy(stub.url, READY, {}, timeout_s=0.1)


@pytest.mark.timeout(60)
def test_whoever_is_interrupted_waits_for_no_pause(
    application: Callable[[Answers], Application],
) -> None:
    """Ctrl-C between two attempts ends the asking at once, whichever thread the signal wakes."""
    stub = application(dict.fromkeys(GOOD, (500, "")))

    def interrupt() -> None:
        until(lambda: len(stub.asked) == len(GOOD))
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    impatient = threading.Thread(target=interrupt)
    impatient.start()
    with pytest.raises(KeyboardInterrupt):
        probe(stub.url, GATE, {}, timeout_s=30, pause_s=600)
    impatient.join()
    assert len(stub.asked) <= len(GOOD)
