"""The built wheel in an empty environment: `gonogo init` and a gate, without a checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gonogo.postgres import session

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
HOLD = 10
# What could lead to the checkout, or to another Python than the environment's.
OURS = ("PYTHON", "PYTEST", "VIRTUAL_ENV", "PYENV")
ORDERS = """
create table orders (id bigint generated always as identity, created_at timestamptz, status text);
insert into orders (created_at, status)
select now() - n * interval '5 minutes', case when n % 80 = 0 then 'failed' else 'paid' end
from generate_series(0, 576) as n"""
FOREIGN = """
import pytest

@pytest.fixture
def finding():
    return "theirs"

def test_theirs(finding, request):
    assert finding == "theirs"
    assert not hasattr(request.config.option, "gonogo_json")
"""
# `verify_record --all` in the folder that is named.
PROVE = """
import os, sys
os.chdir(sys.argv.pop())
sys.argv = ["gonogo", "verify_record", "--all"]
from gonogo.cli import main
main()"""

Run = Callable[..., subprocess.CompletedProcess[str]]


def environ() -> Mapping[str, str]:
    """The variables of this process, but for those that lead elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def python_of(version: str) -> str | None:
    """A Python of a minor version that can make environments: on PATH, or one of pyenv's."""
    found = shutil.which(f"python{version}")
    installed = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")
    for candidate in (*sorted(map(str, installed), reverse=True), found):
        if candidate and not _asked(candidate, "import ensurepip, venv").returncode:
            return candidate
    return None


def _asked(python: str, statement: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-c", statement],
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the pinned backend without an environment of its own."""
    place = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions that the lock names; its hashes would have to cover the wheel as well."""
    pinned = re.findall(r"^\S+==[^\s;]+", (ROOT / "locks" / "gonogo.txt").read_text(), re.MULTILINE)
    file = tmp_path_factory.mktemp("constraints") / "constraints.txt"
    file.write_text("\n".join(pinned))
    return file


@pytest.fixture(params=["3.11", "3.12", "3.13", "3.14"])
def run(request: pytest.FixtureRequest, tmp_path: Path, wheel: Path, constraints: Path) -> Run:
    """Run a program of an environment that holds the wheel and its dependencies, in `tmp_path`."""
    python = python_of(request.param)
    if python is None:
        pytest.skip(f"this machine has no Python {request.param} that can make an environment")
    home = tmp_path / "env"

    def program(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(home / "bin" / name), *words],
            cwd=tmp_path,
            env=environ(),
            capture_output=True,
            text=True,
            check=False,
        )

    subprocess.run([python, "-I", "-m", "venv", str(home)], env=environ(), check=True)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pip = ("pip", "install", "--quiet", "--no-compile", "--constraint", str(constraints))
    dependencies = program(*pip, *needed)
    if dependencies.returncode:
        problem = dependencies.stderr[-500:]
        pytest.skip(f"pip finds no dependencies for Python {request.param}: {problem}")
    for words in (("install", "--no-deps", str(wheel)), ("check",)):
        done = program("pip", *words)
        assert done.returncode == 0, done.stdout + done.stderr
    return program


def test_a_project_that_init_began_is_judged(run: Run, tmp_path: Path, empty_database: str) -> None:
    """HOLD while the table is missing, GO once its rows prove the criteria; both leave a record."""
    assert "/env/lib" in run("python", "-c", "import gonogo; print(gonogo.__file__)").stdout
    (tmp_path / "test_foreign.py").write_text(FOREIGN)
    foreign = run("pytest", "-q", "test_foreign.py")
    assert foreign.returncode == 0, foreign.stdout
    assert "gonogo" not in foreign.stdout + foreign.stderr

    begun = run("gonogo", "init", "gate")
    assert begun.returncode == 0, begun.stderr
    gate = ("pytest", "gate/checks/", "--dsn", empty_database, "--environment", "staging")
    held = run(*gate)
    assert held.returncode == HOLD, held.stdout + held.stderr
    assert 'relation "orders" does not exist' in held.stdout
    with session.connect(empty_database) as connection:
        connection.execute(ORDERS)
    gone = run(*gate)
    assert gone.returncode == 0, gone.stdout + gone.stderr

    archive = tmp_path / "gate" / "reports" / "archive" / "staging"
    records = list(archive.glob("*/record.json"))
    documents = [json.loads(record.read_text()) for record in records]
    # Both may have begun within one second, which their names do not tell apart.
    documents.sort(key=lambda document: document["started_at"])
    assert [document["verdict"]["kind"] for document in documents] == ["HOLD", "GO"]
    assert all("<h1>" in record.with_name("record.html").read_text() for record in records)
    proved = run("python", "-c", PROVE, "gate")
    assert proved.returncode == 0, proved.stderr
