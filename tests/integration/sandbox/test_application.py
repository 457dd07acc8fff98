"""The stand-in application, run as the rollout runs it: by the commands of its rollout file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gonogo.application.commands import Commands
from gonogo.config.project import Project
from gonogo.errors import CommandError
from gonogo.masking import Mask
from gonogo.model.kinds import Environment
from gonogo.sandbox import surroundings
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.standin.before import daemon
from gonogo.sandbox.surroundings import Repository, create_repository, run_dir, sandbox_environment

BASE = """
create table users (id uuid primary key default gen_random_uuid(), email varchar(255));
create table oauth_tokens (id uuid primary key, expires_at timestamptz);
create table audit_logs (id uuid primary key);
"""
LEDGER = Path("src", "gonogo", "ledger", "sql", "001_ledger.sql")
WORLD = """
insert into users (email) values ('a@example.com');
insert into sync_schedule (user_id, integration_type, current_frequency_ms, default_frequency_ms,
    min_frequency_ms, max_frequency_ms, next_sync_at)
select id, 'google_calendar', 1000, 1000, 1000, 1000, now() from users;
insert into calendar_webhook_subscriptions (user_id, channel_id, resource_id, expiration)
select id, 'channel-1', 'resource-1', now() + interval '1 day' from users;
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A rehearsal's directory with everything that the application needs."""

    directory: Path
    repository: Repository
    environ: dict[str, str]
    conninfo: str

    @property
    def url(self) -> str:
        """Where the service listens."""
        return self.environ["WEBHOOK_BASE_URL"]

    def run(self, *names: str, revision: str | None = None) -> list[str]:
        """Run commands of the rollout file by name; their output."""
        lines: list[str] = []
        config = surroundings.load_rollout(self.directory, self.directory / "archive")
        commands = Commands(
            environment=Environment.STAGING,
            config=config.environment(Environment.STAGING),
            environ=self.environ,
            revision=revision or self.repository.after,
            previous_revision=self.repository.before,
            mask=Mask.of(self.environ),
            on_line=lambda _, line: lines.append(line),
        )
        for name in names:
            assert commands.run(name), f"{name} is not configured"
        return lines

    def pid(self, name: str) -> int | None:
        """The number of a running process."""
        return daemon.running(daemon.pid_file(run_dir(self.directory), name))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with psycopg.connect(self.conninfo) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file with all that makes an empty database the application's."""
    root = Project.find(Path(__file__).parent).root
    forward = [
        file for file in sorted((root / "migrations").glob("*.sql")) if ".revert" not in file.name
    ]
    file = tmp_path_factory.mktemp("sql") / "all.sql"
    parts = [BASE, *(path.read_text(encoding="utf-8") for path in (*forward, root / LEDGER)), WORLD]
    file.write_text("\n".join(parts), encoding="utf-8")
    return file


@pytest.fixture
def stage(
    tmp_path: Path, server: EmbeddedServer, migrated: Path, new_database: Callable[..., str]
) -> Iterator[Stage]:
    """A fresh stage, migrated, with nothing running; whatever a test starts is stopped."""
    conninfo = new_database()
    psql = [str(server.bin_dir / "psql"), conninfo, "-qX", "-v", "ON_ERROR_STOP=1"]
    subprocess.run([*psql, "-f", str(migrated)], check=True, capture_output=True)
    repository = create_repository(tmp_path)
    environ = sandbox_environment(tmp_path, conninfo)
    yield Stage(tmp_path, repository, environ, conninfo)
    surroundings.stop_everything(tmp_path)


def test_the_old_revision_serves_only_the_old_pages(stage: Stage) -> None:
    """`before` is healthy and knows nothing of the sync optimization."""
    stage.run("start_app", "start_jobs")
    with httpx.Client(base_url=stage.url) as client:
        health = client.get("/health").json()
        assert (health["status"], health["revision"]) == ("healthy", stage.repository.before)
        for path in ("/api/admin/sync-health", "/admin/sync-health.html"):
            assert client.get(path).status_code == 404


def test_the_new_revision_answers_as_the_gate_expects(stage: Stage) -> None:
    """Each endpoint of `after`, with and without what it asks for."""
    stage.run("checkout", "install", "build", "lint", "typecheck", "test", "start_app")
    admin, smoke = (
        {"Authorization": f"Bearer {stage.environ[name]}"} for name in ("ADMIN_JWT", "SMOKE_JWT")
    )
    wrong = {"Authorization": "Bearer wrong"}
    summary = "/api/admin/sync-health"
    with httpx.Client(base_url=stage.url) as client:
        health = client.get("/health").json()
        assert (health["status"], health["revision"]) == ("healthy", stage.repository.after)
        assert client.get(summary).status_code == 401
        assert client.get(summary, headers=wrong).status_code == 403
        assert client.get(summary, headers=admin).json()["active_webhooks"] == 1
        page = client.get("/admin/sync-health.html")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert client.post("/api/sync/manual").status_code == 401
        assert client.post("/api/sync/manual", headers=admin).status_code == 403
        assert client.post("/api/sync/manual", headers=smoke).status_code == 202
    assert stage.rows("select sync_type, result from sync_metrics") == [("manual", "success")]


def test_a_notification_is_kept_when_its_channel_is_known(stage: Stage) -> None:
    """Google's own confirmation counts as ignored; an unknown channel leaves no row."""
    stage.run("checkout", "start_app")
    hook = f"{stage.url}/api/webhooks/calendar"
    for channel, state, status in (
        ("channel-1", "sync", 200),
        ("channel-1", "exists", 200),
        ("channel-2", "exists", 404),
    ):
        headers = {"X-Goog-Channel-ID": channel, "X-Goog-Resource-State": state}
        assert httpx.post(hook, headers=headers).status_code == status
    assert httpx.post(hook).status_code == 400
    query = "select resource_state, result from webhook_notifications order by created_at"
    assert stage.rows(query) == [("sync", "ignored"), ("exists", "success")]


def test_health_is_degraded_when_the_tables_are_gone(stage: Stage) -> None:
    """The health page really asks, and recovers by itself when the tables are back."""
    stage.run("checkout", "start_app")
    with psycopg.connect(stage.conninfo, autocommit=True) as connection:
        connection.execute("alter table sync_metrics rename to aside")
        answer = httpx.get(f"{stage.url}/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
        connection.execute("alter table aside rename to sync_metrics")
    assert httpx.get(f"{stage.url}/health").status_code == 200


def test_every_job_reports_its_first_run(stage: Stage) -> None:
    """The runner runs all five jobs at once when it starts, and the ledger knows."""
    stage.run("checkout", "start_jobs")
    reported = "select count(distinct job_name), bool_and(succeeded) from gonogo.job_run"
    _eventually(lambda: _require(stage.rows(reported) == [(5, True)]))
    assert stage.rows("select sync_type from sync_metrics") == [("incremental",)]


def test_two_days_of_jobs_pass_at_once(stage: Stage) -> None:
    """Fast-forward runs each job as often as two days would have, at its own moments."""
    stage.run("checkout")
    jobs = ["jobs.py", "fast-forward", "2026-12-01T00:00:00Z", "2026-12-03T00:00:00Z"]
    subprocess.run(
        [sys.executable, *jobs],
        cwd=stage.repository.path,
        env=stage.environ,
        check=True,
        capture_output=True,
    )
    query = "select job_name, count(*)::int from gonogo.job_run group by 1 order by 1"
    assert stage.rows(query) == [
        ("adaptive_sync", 4),
        ("notification_reminder", 2),
        ("token_refresh", 2),
        ("webhook_health_check", 4),
        ("webhook_renewal", 2),
    ]


def test_after_a_stop_nothing_is_left(stage: Stage) -> None:
    """The port is closed and both processes are gone when the commands return."""
    stage.run("start_app", "start_jobs")
    pids = [stage.pid("service"), stage.pid("jobs")]
    assert all(pids)
    stage.run("stop_jobs", "stop_app")
    assert [stage.pid("service"), stage.pid("jobs")] == [None, None]
    with pytest.raises(httpx.ConnectError):
        httpx.get(stage.url)


def test_starting_and_stopping_twice_is_harmless(stage: Stage) -> None:
    """The second start says that it runs already, the second stop that it did not run."""
    assert stage.run("start_app", "start_app") == ["service started", "service runs already"]
    assert stage.run("stop_app", "stop_app") == ["service stopped", "service did not run"]


def test_a_killed_service_starts_again_on_its_port(stage: Stage) -> None:
    """SIGKILL leaves nothing that stands in the way of the next start."""
    stage.run("start_app")
    killed = stage.pid("service")
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    _eventually(lambda: _require(stage.pid("service") is None))
    assert stage.run("start_app") == ["service started"]
    assert httpx.get(f"{stage.url}/health").status_code == 200


def test_a_taken_port_is_one_clear_line(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The failed start of a second application names the address."""
    stage.run("start_app")
    other = tmp_path_factory.mktemp("other")
    environ = stage.environ | {"APP_RUN_DIR": str(run_dir(other))}
    second = Stage(other, create_repository(other), environ, stage.conninfo)
    with pytest.raises(CommandError, match=r"service did not start: cannot listen on 127\.0\.0\.1"):
        second.run("start_app")


def test_what_a_killed_rehearsal_left_is_stopped(stage: Stage) -> None:
    """`stop_everything` needs the directory alone, neither commands nor checkout."""
    stage.run("start_app", "start_jobs")
    assert surroundings.stop_everything(stage.directory) == ("jobs", "service")
    assert surroundings.stop_everything(stage.directory) == ()


def _require(claim: object) -> None:
    assert claim


def _eventually(claim: Callable[[], None]) -> None:
    waiting = Retrying(
        retry=retry_if_exception_type(AssertionError),
        stop=stop_after_delay(60),
        wait=wait_fixed(0.02),
        reraise=True,
    )
    waiting(claim)
