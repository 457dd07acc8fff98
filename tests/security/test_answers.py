"""An application that answers what nobody expects, and addresses that must not be asked at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from first_application import GATE, HTTP, SMOKE
from gonogo import criteria
from gonogo.application import exchange
from gonogo.application.endpoints import probe
from gonogo.application.exchange import AnswerKind, EndpointAnswer
from gonogo.checklist.entries import load_checklist
from gonogo.config.project import Project
from gonogo.gate.observe import ask_endpoints
from gonogo.gate.setting import Options, Setting
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.report.english import remark_of

PROJECT = Project(Path(__file__).parents[2])
JWT = "an-admins-json-web-token"
CHUNK = b" " * 4096
# What an answer holds, again and again until the client has gone; and the pause before each, in s.
ENDLESS = {
    "endless": (CHUNK, 0.0),
    "a trickle": (b" ", 0.05),
    "deeper than any stack": (b"[" * 4096, 0.0),
}
# What stands in the session's variables, and why nothing is asked.
UNFIT = {
    "a file": ({"WEBHOOK_BASE_URL": "file:///etc/passwd"}, "is no URL"),
    "another scheme": ({"WEBHOOK_BASE_URL": "gopher://127.0.0.1:25/"}, "is no URL"),
    "a header": ({"WEBHOOK_BASE_URL": "http://127.0.0.1\r\nX-Evil: 1"}, "is no URL"),
    "a user": ({"WEBHOOK_BASE_URL": "https://good.example@127.0.0.1"}, "holds a user"),
    "a token in the clear": (
        {"WEBHOOK_BASE_URL": "http://app.example", "ADMIN_JWT": JWT},
        "must be https",
    ),
    "a token that is a header": (
        {"WEBHOOK_BASE_URL": "http://127.0.0.1:9", "ADMIN_JWT": f"{JWT}\r\nX-Evil: 1"},
        "is no token",
    ),
    "a token of other letters": (
        {"WEBHOOK_BASE_URL": "http://127.0.0.1:9", "ADMIN_JWT": "ünï-cödé-tökén-tökén"},
        "is no token",
    ),
}


@pytest.fixture
def application() -> Iterator[Callable[[bytes, float], str]]:
    """A factory of applications whose every answer goes on for ever: their addresses."""
    over = threading.Event()
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(chunk: bytes, pause_s: float) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                try:
                    while not over.wait(pause_s):
                        self.wfile.write(chunk)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    over.set()
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("chunk", "pause_s"), ENDLESS.values(), ids=ENDLESS)
def test_an_answer_that_never_ends_is_judged_all_the_same(
    application: Callable[[bytes, float], str],
    monkeypatch: pytest.MonkeyPatch,
    chunk: bytes,
    pause_s: float,
) -> None:
    """Of a page its status counts; health that is no health, or does not come, is never fine."""
    monkeypatch.setattr(exchange, "WHOLE_WITHIN_S", 0.5)
    told = _ask(application(chunk, pause_s))
    assert told["dashboard"].kind is AnswerKind.OK
    assert told["admin_closed"].reason == "HTTP 200 without a token: anyone can read it"
    wanted = (AnswerKind.INCONCLUSIVE, "no answer in time")
    if not pause_s:
        wanted = (AnswerKind.FAILED, "HTTP 200, but no JSON")
    assert (told["health"].kind, told["health"].reason) == wanted


@pytest.mark.parametrize(("environ", "says"), UNFIT.values(), ids=UNFIT)
def test_what_is_no_address_and_no_token_is_not_asked_with(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], says: str
) -> None:
    """Inconclusive, with the variable's name and never its value; no request leaves."""
    monkeypatch.setattr("gonogo.application.endpoints.probe", _nobody)
    definition = criteria.load(PROJECT.criteria_file, PROJECT.sql_dir)
    setting = Setting(
        PROJECT,
        Options(endpoints=HTTP),
        definition,
        Environment.STAGING,
        DatabaseSettings("", "the test"),
        load_checklist(PROJECT, definition.metrics, SMOKE),
    )
    measured = ask_endpoints(setting, environ)
    assert set(measured) == {"endpoint.health", "endpoint.admin", "endpoint.dashboard"}
    for measurement in measured.values():
        assert measurement.missing is not None
        missing = remark_of(measurement.missing)
        assert says in missing
        assert "evil" not in missing.lower()
        assert JWT not in missing


def _ask(url: str) -> dict[str, EndpointAnswer]:
    answers = probe(url, GATE, {}, timeout_s=5, pause_s=0)
    return {answer.name: answer for answer in answers}


def _nobody(*_: object, **__: object) -> None:
    pytest.fail("a request was sent")
