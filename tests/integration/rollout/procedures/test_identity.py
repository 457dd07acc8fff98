"""A rollout of a process that answers: proved gone, proved new, brought back, never down unsaid."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import httpx
import psycopg
import pytest

from gonogo import process
from gonogo.application import code, release
from gonogo.config.application import EndpointConfig
from gonogo.config.environments import CommandsConfig, EnvironmentConfig, IdentityConfig
from gonogo.errors import GonogoError, StepError
from gonogo.model.kinds import Environment, OutageKind
from gonogo.model.step import Outage
from gonogo.record.files import Log
from gonogo.rollout.deploy import deploy
from gonogo.rollout.recording import recorded
from gonogo.rollout.recovery import restart
from gonogo.rollout.rollback import rollback
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import Result
from gonogo.rollout.runner.site import Consent
from gonogo.sandbox.cluster import free_port
from waiting import until

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

ROOT = Path(__file__).parents[4]
SHELL = ROOT / "examples" / "shell"
STARTER = ROOT / "src" / "gonogo" / "starter" / "checks" / "checklist.toml"
SERVER = """
import http.server, json, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"status": "healthy", "revision": os.environ["REVISION"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
HEALTH = EndpointConfig(
    name="health",
    path="/health",
    healthy={"status": "healthy"},
    asked_by=("deploy", "rollback"),
    ready=True,
)
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": "a@b.c"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}
Words = tuple[str, ...]
WITHIN_S = 30


@dataclass(frozen=True)
class Served:
    """A team whose application answers as the old revision."""

    team: Team
    context: RolloutContext
    port: int

    def asked(self) -> str:
        """The revision that answers; empty where nothing does."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/version", trust_env=False)
        except httpx.ConnectError:
            return ""
        return str(answer.json()["revision"])

    def pid(self) -> str:
        """The process that runs."""
        return (self.team.app / "app.pid").read_text(encoding="utf-8")

    def having(self, *, identity: IdentityConfig | None = None, **section: object) -> Served:
        """The same with another section of rollout.toml."""
        config = self.context.config
        environments = {
            name: one.model_copy(update=section) for name, one in config.environments.items()
        }
        update: dict[str, object] = {"environments": environments}
        if identity:
            update["identity"] = identity
        config = config.model_copy(update=update)
        return replace(self, context=replace(self.context, config=config))

    def commanding(self, **commands: Words) -> Served:
        """The same with other commands."""
        now = self.context.section.commands.model_dump(exclude_none=True)
        now |= {name: {"run": words} for name, words in commands.items()}
        return self.having(commands=CommandsConfig.model_validate(now))

    def production(self) -> RolloutContext:
        """The same for production."""
        environ = {**self.context.environ, "NODE_ENV": "production"}
        return replace(self.context, environment=Environment.PRODUCTION, environ=environ)


def proved(result: Result, name: str) -> tuple[str, str]:
    """A step's outcome, and what it says."""
    step = next(one for one in result.steps if one.name == name)
    return step.outcome, step.proved or step.error or ""


def traced(app: Path, named: Mapping[str, str]) -> dict[str, object]:
    """Commands that leave their name in the trace, and fail while a file of it lies in broken/."""
    head = f"echo $0 >> {app}/trace; test ! -e {app}/broken/$0 && "
    return {name: {"run": ("sh", "-c", head + what, name)} for name, what in named.items()}


@pytest.fixture
def served(team: Team, tmp_path: Path) -> Iterator[Served]:
    """The old revision runs, started as the shell example does."""
    for name in ("start.sh", "stop.sh"):
        shutil.copy(SHELL / name, team.app)
    (team.app / "server.py").write_text(SERVER, encoding="utf-8")
    port = free_port()
    environ = {**team.context.environ, "WEBHOOK_BASE_URL": f"http://127.0.0.1:{port}"}
    start = f"sh start.sh app {{python}} server.py {port}"
    named = dict.fromkeys(("install", "build", "revert_code", "test"), "true")
    named |= {"stop_app": "sh stop.sh app", "start_app": start}
    section = EnvironmentConfig.model_validate(
        {
            "cwd": team.app,
            "backup_dir": tmp_path / "backups",
            "health_timeout_s": 3,
            "stop_timeout_s": 2,
            "env": {"REVISION": "{target_revision}"},
            "commands": traced(team.app, named),
        }
    )
    config = team.context.config.model_copy(
        update={
            "without": (),
            "endpoints": (HEALTH,),
            "identity": IdentityConfig(path="/version", revision="revision"),
            "environments": dict.fromkeys(Environment, section),
        }
    )
    context = replace(team.context, config=config, environ=environ)
    served = Served(team, context, port)
    commands = context.commands("old", "old", lambda *_: None)
    commands.run("start_app")
    until(lambda: served.asked() == "old")
    team.trace()
    yield served
    words = ["sh", "stop.sh", "app"]
    process.run(words, env=environ, on_line=print, cwd=team.app, timeout_s=60)


@pytest.fixture
def released(served: Served, tmp_path: Path) -> Iterator[Served]:
    """The same in releases: the old one runs, the new one is a commit ahead."""
    served.context.commands("old", "old", lambda *_: None).run("stop_app")
    repository = tmp_path / "repository"
    for name in ("start.sh", "stop.sh", "server.py"):
        repository.mkdir(exist_ok=True)
        shutil.copy(served.team.app / name, repository)
    environ = {**served.context.environ, **GIT}
    hashes = []
    for text in ("old", "new"):
        (repository / "VERSION").write_text(text, encoding="utf-8")
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", text)):
            subprocess.run(["git", *words], cwd=repository, env=environ, check=True)
        hashes.append(code.head(repository, environ))
    old, new = hashes
    start = f"sh start.sh app {{python}} server.py {served.port}"
    named = dict.fromkeys(("install", "build", "reinstall", "rebuild"), "true")
    named |= {"stop_app": "sh stop.sh app", "start_app": start}
    commands = CommandsConfig.model_validate(traced(served.team.app, named))
    section = served.context.section.model_copy(
        update={
            "cwd": tmp_path / "current",
            "git": repository,
            "releases": tmp_path / "releases",
            "commands": commands,
        }
    )
    environments = dict.fromkeys(Environment, section)
    config = served.context.config.model_copy(update={"environments": environments})
    context = replace(
        served.context, config=config, environ=environ, revision=new, previous_revision=""
    )
    release.make(section, environ, old)
    release.mark_whole(section, old)
    release.switch(section, old)
    context.commands(old, old, lambda *_: None).run("start_app")
    until(lambda: served.asked() == old)
    served.team.trace()
    yield replace(served, context=context)
    context.commands(old, old, lambda *_: None).run("stop_app")


def test_a_release_is_built_beside_and_switched_to(released: Served) -> None:
    """The old release is as it was, the link leads to the new one, which answers."""
    result = deploy(released.context, released.team.tell)
    assert result.error is None
    assert result.deployment is not None
    assert released.asked() == result.deployment.revision
    assert release.running(released.context.section) == result.deployment.revision
    old = release.directory(released.context.section, result.deployment.previous_revision)
    assert old is not None
    assert (old / "VERSION").read_text(encoding="utf-8") == "old"


def test_a_rollback_finds_the_old_release_as_it_was_built(released: Served) -> None:
    """Nothing is installed or built: its outage is stop, database, switch, start."""
    deployed = deploy(released.context, released.team.tell)
    assert deployed.deployment is not None
    released.team.trace()
    result = rollback(released.context, released.team.tell)
    assert result.error is None
    assert released.team.trace() == ["stop_app", "start_app"]
    assert released.asked() == deployed.deployment.previous_revision


def test_after_a_failed_revert_the_version_that_fits_runs_again(released: Served) -> None:
    """The schema is the new one still, and so is what answers."""
    deployed = deploy(released.context, released.team.tell)
    assert deployed.deployment is not None
    released.team.ask("alter table sync_metrics rename to somewhere_else")
    result = rollback(released.context, released.team.tell)
    assert result.error is not None
    assert result.error.down == ""
    assert released.asked() == deployed.deployment.revision
    released.team.ask("alter table somewhere_else rename to sync_metrics")
    again = rollback(released.context, released.team.tell)
    assert again.error is None
    assert released.asked() == deployed.deployment.previous_revision


def test_a_deployment_proves_that_the_new_revision_answers(served: Served) -> None:
    """It was seen before, refused after the stop, and is another one after the start."""
    result = deploy(served.context, served.team.tell)
    assert result.error is None
    assert proved(result, "running_before")[1].endswith("answers (revision old)")
    assert "connection refused" in proved(result, "stopped")[1]
    outcome, said = proved(result, "identity")
    assert outcome == "succeeded"
    assert "answers as revision new; it was away for" in said
    assert result.outage is not None
    assert result.outage.kind is OutageKind.MEASURED
    assert 0 < (result.outage.seconds or 0) < WITHIN_S
    assert served.asked() == "new"


@pytest.mark.parametrize("rolling", [pytest.param(False, marks=pytest.mark.slow), True])
def test_an_old_process_that_goes_on_serving_fails_the_deployment(
    served: Served, *, rolling: bool
) -> None:
    """A stop that ends nothing is found, at the stop or, where it may answer, by its revision."""
    stuck = served.commanding(stop_app=("true",)).having(rolling=rolling)
    stuck = stuck.commanding(stop_app=("true",))
    result = deploy(stuck.context, served.team.tell)
    assert isinstance(result.error, StepError)
    assert result.error.step == ("identity" if rolling else "stopped")
    assert ("not as new" if rolling else "still answers") in str(result.error)


def test_what_nothing_tells_is_not_proved(served: Served) -> None:
    """Without a revision, and where the socket's owner stays, the step is skipped and says so."""
    silent = served.having(identity=IdentityConfig(), rolling=True)
    silent = silent.commanding(stop_app=("true",))
    result = deploy(silent.context, served.team.tell)
    assert result.error is None
    outcome, said = proved(result, "identity")
    assert outcome == "skipped"
    assert said.startswith("not proved: ")


def test_a_pid_file_tells_one_start_from_the_next(served: Served) -> None:
    """The same revision deployed again is proved new by its process."""
    filed = served.having(identity=IdentityConfig(), pid_file=served.team.app / "app.pid")
    result = deploy(filed.context, served.team.tell)
    assert result.error is None
    assert "is a process that was started since (pid " in proved(result, "identity")[1]


def test_a_rollback_builds_before_it_stops_and_proves_the_old_revision(served: Served) -> None:
    """The old code is brought back while the new version serves."""
    deploy(served.context, served.team.tell)
    served.team.trace()
    result = rollback(served.context, served.team.tell)
    assert result.error is None
    assert served.team.trace() == ["revert_code", "stop_app", "start_app"]
    assert "answers as revision old" in proved(result, "identity")[1]


def test_a_migration_that_fails_in_production_stops_nothing(served: Served) -> None:
    """The new code never ran: the old process goes on serving, and is proved to."""
    served.team.add_migration(
        "-- gonogo: needs-rows\nselect 1 / (count(*) - count(*)) from users having count(*) > 0;"
    )
    pid = served.pid()
    name = str(served.team.ask("select current_database()"))
    context = served.production()
    result = deploy(context, served.team.tell, Consent(name), override_reason="drill")
    assert result.rollback is not None
    assert (result.rollback.outcome, result.rollback.error) == ("succeeded", None)
    assert "answers as revision old" in proved(result.rollback, "identity")[1]
    assert not {"stop_app", "start_app"} & set(served.team.trace())
    assert (served.pid(), served.asked()) == (pid, "old")
    assert result.outage == result.rollback.outage == Outage(OutageKind.NOT_STOPPED)


def test_what_does_not_start_is_named_as_down(served: Served) -> None:
    """The last line says since when, and restart brings it back once it is mended."""
    served.team.break_command("start_app")
    result = deploy(served.context, served.team.tell)
    assert result.error is not None
    assert result.error.down.startswith("THE APPLICATION IS DOWN since 20")
    assert "restart" in result.error.down
    assert served.asked() == ""
    served.team.mend_command("start_app")
    assert result.outage == Outage(OutageKind.LASTS)
    again = restart(served.context, served.team.tell)
    assert again.error is None
    assert served.asked() == "new"
    row = "outcome || ' ' || (evidence ->> 'revision') from gonogo.step where name = 'restart'"
    assert served.team.ask(f"select {row}") == "succeeded new"
    last = deploy(served.context, served.team.tell)
    assert (last.outcome, last.outage) == ("succeeded", Outage(OutageKind.RESUMED))
    assert served.asked() == "new"


def test_what_a_failed_revert_leaves_stopped_is_named(served: Served) -> None:
    """In place the code that fits is gone by then, so the last line names what is down."""
    deploy(served.context, served.team.tell)
    served.team.ask("alter table sync_metrics rename to somewhere_else")
    result = rollback(served.context, served.team.tell)
    assert result.error is not None
    assert served.asked() == ""
    assert "no code that fits the schema is at hand" in result.error.down


def test_a_finished_deployment_whose_application_is_dead_says_so(served: Served) -> None:
    """A second run changes nothing, and offers the restart."""
    deploy(served.context, served.team.tell)
    words = ["sh", "stop.sh", "app"]
    environ = dict(served.context.environ)
    process.run(words, env=environ, on_line=print, cwd=served.team.app, timeout_s=60)
    result = deploy(served.context, served.team.tell)
    assert result.outcome == "unchanged"
    assert result.next_steps[0].startswith("THE APPLICATION DOES NOT ANSWER")


def test_a_full_disk_under_the_log_stops_no_deployment(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the stop on no line of the log can be written; a note says so, and all is done."""
    written: Callable[..., None] = Log.write

    def full(log: Log, event: str, **fields: object) -> None:
        if fields.get("step") == "stop_app":
            with Path("/dev/full").open("wb") as device:
                os.dup2(device.fileno(), log._stream.fileno())
        written(log, event, **fields)

    monkeypatch.setattr(Log, "write", full)
    result = deploy(served.context, served.team.tell)
    assert result.error is None
    assert served.asked() == "new"
    assert any("the log cannot be written" in one.title for one in served.team.events)


# Nobody may connect any more, and whoever is connected is thrown out.
LOSE = """
import psycopg, sys
with psycopg.connect(sys.argv[1], autocommit=True) as server:
    server.execute(f"alter database {sys.argv[2]} allow_connections false")
    server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
        [sys.argv[2]])
"""
FAILS = "-- gonogo: needs-rows\nselect 1 / 0 from users limit 1;"


@dataclass(frozen=True)
class Failure:
    """Something that fails after a stop.

    Args:
        procedure: Which of the two it stops.
        prepare: Arranges it.
        up: What answers afterwards; empty where nothing does.
        again: The command that brings it back.
    """

    procedure: Literal["deploy", "rollback"]
    prepare: Callable[[Served], Served]
    up: str
    again: str = ".*"


def failing_migration(served: Served) -> Served:
    """A migration fails on rows, after the application was stopped for it."""
    served.team.add_migration(FAILS)
    update = {"stop_before_migrate": True}
    config = served.context.config.model_copy(update=update)
    return replace(served, context=replace(served.context, config=config))


def broken(name: str) -> Callable[[Served], Served]:
    """A command fails."""

    def prepare(served: Served) -> Served:
        served.team.break_command(name)
        return served

    return prepare


def lost_database(served: Served) -> Served:
    """The start takes the database away, and then fails."""
    database = str(served.team.ask("select current_database()"))
    server = served.team.context.database.conninfo.replace(database, "postgres")
    (served.team.app / "lose.py").write_text(LOSE, encoding="utf-8")
    return served.commanding(
        start_app=("sh", "-c", '"$@"; exit 1', "lose", "{python}", "lose.py", server, database)
    )


def full_archive(served: Served) -> Served:
    """The start fills the archive's place with a file, and then fails."""
    archive = served.context.config.archive_dir
    words = f"rm -rf {archive}; touch {archive}; exit 1"
    return served.commanding(start_app=("sh", "-c", words))


@pytest.mark.slow
@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(Failure("deploy", failing_migration, ""), id="migration"),
        pytest.param(Failure("rollback", broken("rebuild"), "new"), id="rebuild"),
        pytest.param(Failure("deploy", broken("start_app"), ""), id="start"),
        pytest.param(Failure("deploy", lost_database, "", "deploy staging"), id="lost database"),
        pytest.param(Failure("deploy", full_archive, ""), id="archive"),
    ],
)
def test_whatever_fails_after_a_stop_leaves_it_up_or_named_as_down(
    served: Served, failure: Failure
) -> None:
    """Up in the version that fits, or a last line with what is down, since when, and a command."""
    if failure.procedure == "rollback":
        served = served.commanding(
            rebuild=("sh", "-c", f"test ! -e {served.team.app}/broken/rebuild")
        )
        assert deploy(served.context, served.team.tell).error is None
    arranged = failure.prepare(served)
    database = str(served.team.ask("select current_database()"))
    try:
        error = failed(arranged, failure.procedure)
    finally:
        reopen(served, database)
    assert served.asked() == failure.up, str(error)
    if not failure.up:
        down = r"THE APPLICATION IS DOWN since 20[-0-9]+ [:0-9]+Z \(.*\): gonogo"
        down = f"{down} {failure.again} brings it back"
        assert re.fullmatch(down, error.down, re.DOTALL), error.down


@pytest.mark.slow
def test_a_migration_that_fails_after_the_stop_brings_the_old_release_back(
    released: Served,
) -> None:
    """It is whole, and fits the schema, of which nothing was changed."""
    assert deploy(released.context, released.team.tell).error is None
    old = released.asked()
    result = deploy(failing_migration(released).context, released.team.tell)
    assert result.error is not None
    assert result.error.down == ""
    assert released.asked() == old
    assert result.outage is not None
    assert result.outage.kind is OutageKind.MEASURED


def failed(served: Served, procedure: str) -> GonogoError:
    """What the procedure ended with, however it did; it writes its record as the command does."""
    context, result = served.context, None
    # Its phases before the soak ask of no metric.
    text, _, _ = STARTER.read_text(encoding="utf-8").partition('[[phase]]\nid = "soak"')
    (served.team.root / "checks" / "checklist.toml").write_text(text, encoding="utf-8")
    try:
        if procedure == "rollback":
            back, _ = recorded("rollback", context, served.team.tell, partial(rollback, context))
            result = back.error
        else:
            done, _ = recorded("deployment", context, served.team.tell, partial(deploy, context))
            result = done.error
    except GonogoError as error:
        return error
    assert result is not None
    return result


def reopen(served: Served, database: str) -> None:
    """Let everybody connect again."""
    server = served.team.context.database.conninfo.replace(database, "postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'alter database "{database}" allow_connections true'.encode())
