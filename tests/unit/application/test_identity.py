"""Who answers: told apart by revision, by start, or by the owner of the socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gonogo.application.identity import (
    Proof,
    Sight,
    State,
    is_revision,
    judge,
    look,
)
from gonogo.config.environments import IdentityConfig

HERE = "http://127.0.0.1:3000"
OLD, NEW = "a" * 40, "b" * 40


def answers(revision: str = "", start: str = "", *owners: str) -> Sight:
    """A sight of something that answers."""
    return Sight(HERE, State.ANSWERS, "HTTP 200", revision, start, owners)


GONE = Sight(HERE, State.GONE, "connection refused")
UNKNOWN = Sight(HERE, State.UNKNOWN, "no answer in time")


@pytest.mark.parametrize(
    ("before", "after", "proof"),
    [
        (answers(OLD), answers(NEW), Proof.PROVED),
        (answers(OLD), answers(NEW[:12]), Proof.PROVED),
        (answers(OLD), answers(OLD), Proof.WRONG),
        (answers(NEW), answers(NEW), Proof.NOT_PROVED),
        (answers(), answers(NEW), Proof.PROVED),
        (GONE, answers(NEW), Proof.PROVED),
        (None, answers(NEW), Proof.NOT_PROVED),
        (answers(NEW, "1"), answers(NEW, "2"), Proof.PROVED),
        (answers(NEW, "1"), answers(NEW, "1"), Proof.WRONG),
        (answers("", "1"), answers("", "2"), Proof.PROVED),
        (answers("", "1"), answers("", "1"), Proof.WRONG),
        (answers(), answers("", "2"), Proof.NOT_PROVED),
        (GONE, answers("", "2"), Proof.PROVED),
        (answers("", "", "pid 1"), answers("", "", "pid 2"), Proof.PROVED),
        (answers("", "", "pid 1"), answers("", "", "pid 1"), Proof.NOT_PROVED),
        (answers("", "", "pid 1"), answers("", "", "pid 2", "pid 1"), Proof.NOT_PROVED),
        (answers("", "", "pid 1"), answers(), Proof.NOT_PROVED),
        (None, answers("", "", "pid 1"), Proof.NOT_PROVED),
        (UNKNOWN, answers("", "", "pid 1"), Proof.NOT_PROVED),
        (answers(), answers(), Proof.NOT_PROVED),
        (GONE, answers(), Proof.NOT_PROVED),
        (answers(OLD), GONE, Proof.WRONG),
        (answers(OLD), UNKNOWN, Proof.NOT_PROVED),
    ],
)
def test_what_answers_is_proved_new_only_by_revision_or_start(
    before: Sight | None, after: Sight, proof: Proof
) -> None:
    """A wrong revision or the same start is wrong; what neither shows stays unproved."""
    assert judge(before, after, NEW)[0] is proof


@pytest.mark.parametrize(
    ("reported", "is_it"),
    [(NEW, True), (NEW[:7], True), (NEW[:6], False), ("", False), (OLD, False), ("unknown", False)],
)
def test_an_abbreviated_commit_is_the_commit(reported: str, *, is_it: bool) -> None:
    """Seven digits or more stand for a commit, as git writes it."""
    assert is_revision(reported, NEW) is is_it


def test_a_sight_comes_back_from_the_ledger_as_it_was() -> None:
    """What was seen before a stop is compared by a later run, which reads it as JSON."""
    seen = answers(NEW, "1", "pid 1", "pid 2")
    assert Sight.of(seen.evidence) == seen


@contextmanager
def answering(status: int, body: str, kind: str = "application/json") -> Iterator[str]:
    """An application that answers so; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("X-Revision", NEW)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


SAYS = IdentityConfig(path="/version", revision="revision", start="started")


@pytest.mark.parametrize(
    ("identity", "revision", "start"),
    [
        (SAYS, OLD, "17"),
        (IdentityConfig(header="X-Revision"), NEW, "pid 1"),
        (IdentityConfig(), "", "pid 1"),
    ],
)
def test_revision_and_start_are_read_where_they_are_named(
    identity: IdentityConfig, revision: str, start: str
) -> None:
    """In fields of the JSON answer or in a header; else a start is what the pid file says."""
    with answering(200, f'{{"revision": "{OLD}", "started": 17}}') as address:
        seen = look(address, identity, timeout_s=5, process_start="pid 1")
    assert (seen.state, seen.revision, seen.start) == (State.ANSWERS, revision, start)
    assert len(seen.owners) == 1


@pytest.mark.parametrize("body", ["", "no JSON", "[1]", '{"revision": null}'])
def test_an_answer_that_names_no_revision_has_none(body: str) -> None:
    """It answers all the same, and nothing is made up."""
    with answering(200, body) as address:
        seen = look(address, SAYS, timeout_s=5)
    assert (seen.state, seen.revision) == (State.ANSWERS, "")


@pytest.mark.parametrize(
    ("status", "kind", "state"),
    [
        (404, "text/html", State.ANSWERS),
        (503, "application/json", State.ANSWERS),
        (503, "text/html", State.GONE),
        (502, "text/html", State.GONE),
    ],
)
def test_a_server_in_front_says_that_nobody_is_behind_it(
    status: int, kind: str, state: State
) -> None:
    """An application that is unwell says so in JSON; a proxy says 502 to 504 in HTML."""
    with answering(status, "{}", kind) as address:
        assert look(address, SAYS, timeout_s=5).state is state


def test_a_refused_connection_is_gone() -> None:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert look(f"http://127.0.0.1:{port}", SAYS, timeout_s=5).state is State.GONE
