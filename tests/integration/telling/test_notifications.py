"""Who is notified of a record: by the real Apprise, to a real receiver."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from desk import make_desk
from gonogo.config.project import Project
from gonogo.config.sections import NotificationConfig, RolloutConfig
from gonogo.errors import DatabaseError
from gonogo.model.finding import Verdict
from gonogo.model.kinds import Environment, State, VerdictKind
from gonogo.model.record import Record
from gonogo.model.step import StepEvent, StepKind, Tell
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.report.notification import notify
from gonogo.rollout.recording import recorded
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import DeploymentResult
from receiving import Receiver
from record_examples import deployment, gate, hold, no_go, planted, rollback_verdict, summary

Close = Callable[[Record, str], Path]
CHAT = NotificationConfig(url_env="CHAT_URL")


def news(record: Record, directory: Path, receiver: Receiver, to: NotificationConfig = CHAT) -> str:
    """The first line of what is received of a record; empty where nothing is."""
    receiver.messages.clear()
    assert list(notify(record, directory, [to], {"CHAT_URL": receiver.address})) == []
    return receiver.messages[-1][1].partition("\n")[0] if receiver.messages else ""


def later(record: Record, hours: float) -> Record:
    """The same, so much later."""
    return record.having(started_at=record.started_at + timedelta(hours=hours))


def test_every_verdict_of_a_soak_is_news_of_what_it_changes(
    close: Close, receiver: Receiver
) -> None:
    """What stays as it was is no news; a GO wants a signature once."""
    go = gate()
    story = [(hold(), ""), (no_go(), "the verdict changed; NO-GO"), (no_go(), "NO-GO")]
    story += [(rollback_verdict(), "the verdict changed; roll back")]
    story += [(go, "the verdict changed; a sign-off is wanted"), (go, "")]
    told = []
    for hour, (record, _) in enumerate(story):
        at = later(record, hour)
        assert at.verdict
        said = news(at, close(at, at.verdict.kind.value), receiver)
        told.append(said.replace("; the soak is finished", ""))
    assert told == [said for _, said in story]


def test_the_end_of_a_soak_is_news_once(close: Close, receiver: Receiver) -> None:
    """Two days in staging, by whoever looks first after them."""
    go = gate()
    assert go.verdict
    first = news(go, close(go, "GO"), receiver)
    assert first == "the soak is finished; a sign-off is wanted"
    again = later(go, 1).having(verdict=Verdict(VerdictKind.HOLD, go.verdict.reasons))
    assert news(again, close(again, "HOLD"), receiver) == "the verdict changed"


def test_a_final_report_wants_a_signature(close: Close, receiver: Receiver) -> None:
    """It is what two weeks of production are signed on."""
    assert news(summary(), close(summary(), "FINAL"), receiver) == "a sign-off is wanted"


def test_a_deployment_is_news_when_it_fails(close: Close, receiver: Receiver) -> None:
    """Which step, and why."""
    failed = deployment(outcome="failed")
    step = replace(failed.steps[-1], outcome="failed", error="npm ended with 1")
    failed = failed.having(steps=(*failed.steps[:-1], step))
    assert news(failed, close(failed, "DEPLOY-FAILED"), receiver) == "the deployment failed"
    ((title, text),) = receiver.messages
    assert title.startswith("DEPLOY-FAILED: ")
    assert f"{step.title}: npm ended with 1\n" in text
    done = later(deployment(state=State.COMPLETE, outcome="succeeded"), 1)
    assert news(done, close(done, "DEPLOYED"), receiver) == ""


@pytest.mark.parametrize("steps", [0, 1])
def test_a_deployment_that_lost_its_database_is_news(
    tmp_path: Path, receiver: Receiver, steps: int
) -> None:
    """Once it has begun; what was refused before the first step is its operator's alone."""
    desk = make_desk(tmp_path, "host=/nowhere")
    config = RolloutConfig.load(desk.root / "rollout.toml").model_copy(
        update={"notifications": (CHAT,)}
    )
    environ = {**desk.environ, "CHAT_URL": receiver.address}
    database = DatabaseSettings("", "nowhere")
    project = Project(desk.root)
    context = RolloutContext(project, Environment.STAGING, config, database, environ)

    def lose(tell: Tell) -> DeploymentResult:
        for _ in range(steps):
            tell(StepEvent(StepKind.FINISHED, "backup", "Back up"))
        raise DatabaseError("the server is gone")

    with pytest.raises(DatabaseError):
        recorded("deployment", context, lambda _: None, lose)
    texts = [text for _, text in receiver.messages]
    assert len(texts) == steps
    assert all(one.startswith("the deployment failed\nthe server is gone\n") for one in texts)


def test_who_asks_for_some_events_is_told_of_no_others(close: Close, receiver: Receiver) -> None:
    """By name, in rollout.toml."""
    pager = NotificationConfig(url_env="CHAT_URL", events=("rollback", "deployment_failed"))
    assert news(no_go(), close(no_go(), "NO-GO"), receiver, pager) == ""
    worse = later(rollback_verdict(), 1)
    assert news(worse, close(worse, "ROLLBACK"), receiver, pager) == "roll back"


def test_the_text_says_why_and_where_to_read_on(close: Close, receiver: Receiver) -> None:
    """By the archive's address where people have one, else by its path."""
    directory = close(no_go(), "NO-GO")
    news(no_go(), directory, receiver)
    ((title, text),) = receiver.messages
    assert title == f"NO-GO: {no_go().title}"
    lines = text.splitlines()
    assert any(line.startswith("Sync success rate: 76.2 %") for line in lines), lines
    assert lines[-1] == str(directory / "record.html")
    there = NotificationConfig(url_env="CHAT_URL", archive_url="https://ci.example.com/archive/")
    news(no_go(), directory, receiver, there)
    link = f"https://ci.example.com/archive/staging/{directory.name}/record.html"
    assert receiver.messages[-1][1].splitlines()[-1] == link
    run = "https://ci.example.com/runs/7"
    list(notify(no_go().having(ci_run=run), directory, [CHAT], {"CHAT_URL": receiver.address}))
    assert receiver.messages[-1][1].splitlines()[-1] == run


def test_no_text_of_a_database_breaks_out_of_its_line(close: Close, receiver: Receiver) -> None:
    """Control characters come as escapes, and long texts are cut."""
    hostile = planted("\x1b]0;owned\x07\n\u202e" + "x" * 5000)
    directory = close(hostile, "HOLD")
    list(notify(hostile, directory, [CHAT], {"CHAT_URL": receiver.address}))
    for title, text in receiver.messages:
        assert not set(title + text) & {"\x1b", "\x07", "\u202e"}
        assert len(text) < 2000
        assert len(text.splitlines()) <= 6


def test_a_secret_is_never_sent(close: Close, receiver: Receiver) -> None:
    """Whatever variable holds it."""
    spilled = planted("hunter2-password")
    directory = close(spilled, "HOLD")
    environ = {"CHAT_URL": receiver.address, "DB_PASSWORD": "hunter2-password"}
    list(notify(spilled, directory, [CHAT], environ))
    assert all("hunter2" not in title + text for title, text in receiver.messages)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "the variable is not set"),
        ("nonsense", "its value is no address that Apprise knows"),
        ("json://release:s3cret@127.0.0.1:1/hook", "the receiver did not accept it"),
    ],
)
def test_what_is_not_delivered_is_said_without_the_address(
    close: Close, address: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line; nothing raises, and Apprise's own log is not heard."""
    directory = close(no_go(), "NO-GO")
    told = list(notify(no_go(), directory, [CHAT], {"CHAT_URL": address}))
    assert told == [f"nobody was notified by CHAT_URL: {said}"]
    assert capfd.readouterr() == ("", "")


def test_a_receiver_that_refuses_is_told_of(close: Close, receiver: Receiver) -> None:
    """By its status."""
    receiver.status = 503
    told = list(notify(no_go(), close(no_go(), "NO-GO"), [CHAT], {"CHAT_URL": receiver.address}))
    assert told == ["nobody was notified by CHAT_URL: the receiver did not accept it"]


def test_a_gate_that_notifies_nobody_loads_nothing_for_it() -> None:
    """Neither Apprise nor what makes its messages or metrics."""
    program = "import sys, gonogo.plugin.gating; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    unwanted = {"apprise", "gonogo.report.notification", "gonogo.report.openmetrics"}
    assert unwanted & set(loaded) == set()
    assert "gonogo.gate.run" in loaded
