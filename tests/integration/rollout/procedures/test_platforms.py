"""The examples for shell, systemd and PM2: deployed and rolled back by the commands that they show.

PM2 is the real one, from npm. There is no systemd in a container: its units' commands are run as it
would run them, and `systemd-analyze` verifies the units where it is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from gonogo.application import code
from gonogo.config.application import EndpointConfig
from gonogo.config.sections import RolloutConfig
from gonogo.model.kinds import Environment
from gonogo.model.step import StepRecord
from gonogo.rollout.deploy import deploy
from gonogo.rollout.rollback import rollback
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import Result
from gonogo.sandbox.cluster import free_port
from gonogo.sandbox.surroundings import GIT_IDENTITY
from waiting import until

if TYPE_CHECKING:
    from tests.integration.rollout.procedures.conftest import Team

EXAMPLES = Path(__file__).parents[4] / "examples"
PM2 = "pm2@6.0.13"
PACKAGE = """{
  "name": "app", "version": "1.0.0", "private": true,
  "scripts": {"build": "true", "test": "true", "lint": "true", "typecheck": "true"}
}
"""
SERVER = """
const { createServer } = require("node:http");
const version = require("node:fs").readFileSync("VERSION", "utf8").trim();
createServer((_, answer) => answer.end(JSON.stringify({ status: "healthy", version })))
  .listen(PORT, "127.0.0.1");
"""
JOBS = "setInterval(() => {}, 1000);\n"
# What systemd does with a unit of these: its command in a group of its own, ended as a whole.
SYSTEMCTL = """
import configparser, os, pathlib, shlex, signal, subprocess, sys
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed
from gonogo.application.processes import process_of
action, name = sys.argv[1], sys.argv[-1]
unit = configparser.ConfigParser(interpolation=None)
unit.read(pathlib.Path(__file__).parent / name)
service, file = unit["Service"], pathlib.Path(__file__).parent / (name + ".pid")
if action == "start" and not process_of(file):
    words = shlex.split(service["ExecStart"])
    child = subprocess.Popen(words, cwd=service["WorkingDirectory"], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    file.write_text(str(child.pid))
elif action == "stop" and process_of(file):
    gone = Retrying(retry=retry_if_result(bool), wait=wait_fixed(0.05),
        stop=stop_after_delay(int(service["TimeoutStopSec"])), retry_error_callback=lambda _: True)
    os.killpg(int(file.read_text()), signal.SIGTERM)
    if gone(process_of, file):
        os.killpg(int(file.read_text()), signal.SIGKILL)
        gone(process_of, file)
elif action == "show":
    print(process_of(file))
"""


@dataclass(frozen=True)
class Platform:
    """An application of two revisions, whose old one runs as an example has it.

    Args:
        context: Its rollout.
        team: Whose database and project it is.
        port: Where it answers.
        old: The revision that runs.
    """

    context: RolloutContext
    team: Team
    port: int
    old: str

    def version(self) -> str:
        """What answers; empty where nothing does."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/", trust_env=False)
        except httpx.HTTPError:
            return ""
        return str(answer.json()["version"])


def make_application(app: Path, environ: Mapping[str, str], port: int) -> list[str]:
    """Two commits of an application; their hashes, the older one checked out."""
    shutil.rmtree(app)
    app.mkdir()
    files = {
        "package.json": PACKAGE,
        "jobs.js": JOBS,
        ".gitignore": "*.pid\n*.log\nnode_modules/\n",
    }
    for name, text in {**files, "server.js": SERVER.replace("PORT", str(port))}.items():
        (app / name).write_text(text, encoding="utf-8")
    for script in ("shell/start.sh", "shell/stop.sh", "pm2/ecosystem.config.js"):
        shutil.copy(EXAMPLES / script, app)
    git(app, environ, "init", "--quiet")
    hashes = []
    for version in ("old", "new"):
        (app / "VERSION").write_text(f"{version}\n", encoding="utf-8")
        git(app, environ, "add", "--all")
        git(app, environ, "commit", "--quiet", "--message", version)
        hashes.append(code.head(app, environ))
    git(app, environ, "checkout", "--quiet", "--detach", hashes[0])
    return hashes


def git(app: Path, environ: Mapping[str, str], *words: str) -> None:
    """Run git."""
    subprocess.run(["git", *words], cwd=app, env=environ, check=True)


def program(directory: Path, name: str, text: str) -> None:
    """Lay a program into a directory."""
    file = directory / name
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


def as_units(tmp_path: Path, app: Path) -> Path:
    """The units of the example for an application elsewhere, and who runs their commands."""
    place = tmp_path / "systemd"
    place.mkdir()
    for unit in ("app.service", "app-jobs.service"):
        text = (EXAMPLES / "systemd" / unit).read_text(encoding="utf-8")
        (place / unit).write_text(text.replace("/srv/app", str(app)), encoding="utf-8")
    program(place, "systemctl", f"#!{sys.executable}\n{SYSTEMCTL}")
    program(place, "sudo", '#!/bin/sh\n[ "$1" = --non-interactive ] && shift\nexec "$@"\n')
    return place


@pytest.fixture(scope="module")
def pm2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """PM2 from npm, and the end of its daemon."""
    place = tmp_path_factory.mktemp("pm2")
    words = ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline", PM2]
    subprocess.run(words, cwd=place, check=True, capture_output=True, timeout=300)
    programs = place / "node_modules" / ".bin"
    yield programs
    environ = {**os.environ, "PM2_HOME": str(place / "home")}
    subprocess.run([programs / "pm2", "kill"], env=environ, check=True, capture_output=True)


@pytest.fixture
def platform(
    team: Team, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Platform]]:
    """Start the old revision by an example; it is stopped afterwards."""
    started = []

    def start(name: str) -> Platform:
        port = free_port()
        environ = {**team.context.environ, **GIT_IDENTITY, "HOME": str(tmp_path)}
        environ |= {"WEBHOOK_BASE_URL": f"http://127.0.0.1:{port}"}
        path = [environ["PATH"]]
        if name == "systemd":
            path.insert(0, str(as_units(tmp_path, team.app)))
            environ["PYTHONPATH"] = os.pathsep.join(sys.path)
        if name == "pm2":
            programs = request.getfixturevalue("pm2")
            path.insert(0, str(programs))
            environ["PM2_HOME"] = str(programs.parents[1] / "home")
        environ["PATH"] = os.pathsep.join(path)
        old, new = make_application(team.app, environ, port)
        context = replace(
            team.context,
            config=_config(team, name, tmp_path),
            environ=environ,
            revision=new,
            previous_revision="",
        )
        found = Platform(context, team, port, old)
        started.append(found)
        for command in ("start_app", "start_jobs"):
            context.commands(old, old, lambda *_: None).run(command)
        until(lambda: found.version() == "old")
        return found

    yield start
    for one in started:
        for command in ("stop_jobs", "stop_app"):
            one.context.commands(one.old, one.old, lambda *_: None).run(command)


def _config(team: Team, name: str, tmp_path: Path) -> RolloutConfig:
    """The team's own, with the environments of an example and an endpoint."""
    file = tmp_path / f"{name}.toml"
    text = (EXAMPLES / name / "rollout.toml").read_text(encoding="utf-8")
    text = text.replace("/srv/app", str(team.app)).replace(
        "/var/backups/app", f"{tmp_path}/backups"
    )
    if name == "systemd":
        # The stand-in for systemctl is Python, and is found by it.
        text = text.replace('"HOME", ', '"HOME", "PYTHONPATH", ')
    file.write_text(text, encoding="utf-8")
    health = EndpointConfig(
        name="health",
        path="/",
        healthy={"status": "healthy"},
        asked_by=("deploy", "rollback"),
        ready=True,
    )
    changes = {
        "without": (),
        "endpoints": (health,),
        "environments": RolloutConfig.load(file).environments,
    }
    return team.context.config.model_copy(update=changes)


def identity(result: Result) -> StepRecord:
    """The proof of who answers."""
    return next(step for step in result.steps if step.name == "identity")


@pytest.mark.slow
@pytest.mark.npm
@pytest.mark.parametrize("name", ["shell", "systemd", "pm2"])
def test_an_example_deploys_and_rolls_back(platform: Callable[[str], Platform], name: str) -> None:
    """Its own commands stop and start, and each new process is proved to be new."""
    found = platform(name)
    deployed = deploy(found.context, found.team.tell)
    assert deployed.error is None
    assert found.version() == "new"
    back = rollback(found.context, found.team.tell)
    assert back.error is None
    assert found.version() == "old"
    for result in (deployed, back):
        assert identity(result).outcome == "succeeded"
        assert "is a process that was started since" in identity(result).proved
        assert result.outage is not None
        assert result.outage.kind == "measured"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_units_are_ones_that_systemd_would_load() -> None:
    """No unknown key, no program that is missing."""
    units = [EXAMPLES / "systemd" / unit for unit in ("app.service", "app-jobs.service")]
    words = ["systemd-analyze", "verify", *map(str, units)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["cloud-run", "docker-compose"])
def test_an_example_that_no_test_runs_says_so(name: str) -> None:
    """Whoever copies it knows."""
    text = (EXAMPLES / name / "rollout.toml").read_text(encoding="utf-8")
    assert "gonogo's own tests do not run this example" in text
    assert Environment.STAGING in RolloutConfig.load(EXAMPLES / name / "rollout.toml").environments
