"""The test suite's own manners: what is left out, and one server a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gonogo.config.project import Project

pytest_plugins = ["pytester"]

SLOW = """
import pytest

@pytest.mark.slow
def test_slow():
    pass

def test_quick():
    pass
"""
CHOOSY = """
import pytest

@pytest.mark.postgres15
def test_old():
    pass

@pytest.mark.browser
def test_seen():
    pass

def test_any():
    pass
"""
SERVED = """
import pytest

@pytest.mark.parametrize("n", range(4))
def test_served(server, n):
    with open("servers", "a") as file:
        file.write(f"{server.pid} {server.directory}\\n")
"""
TOGETHER = """
import os
import pytest

@pytest.fixture(scope="module")
def dear():
    return 1

def note(name):
    with open(name, "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")

@pytest.mark.parametrize("n", range(8))
def test_sharing(dear, n):
    note("sharing")

@pytest.mark.xdist_group("marked")
@pytest.mark.parametrize("n", range(8))
def test_marked(n):
    note("marked")
"""
NO_WHEEL = """
from gonogo.errors import SandboxError
from gonogo.sandbox import server

def refuse():
    raise SandboxError("no wheel for this platform")

server.wheel_bin_dir = refuse
"""
MEMORY = Path("/dev/shm")  # noqa: S108 - as in the conftest
in_workers = pytest.mark.parametrize(
    "workers", [[], pytest.param(["-n2"], marks=pytest.mark.slow)], ids=["alone", "xdist"]
)


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite with this one's conftest, below a root of its own."""
    markers = "".join(f"\n    {name}: {name}" for name in ("slow", "postgres15", "browser"))
    pytester.makeini(f"[pytest]\ntestpaths = tests\nmarkers ={markers}\n")
    pytester.mkdir("tests")
    conftest = Path(__file__).parents[1] / "conftest.py"
    (pytester.path / "tests" / "conftest.py").write_text(conftest.read_text())
    return pytester


def write(suite: pytest.Pytester, source: str) -> None:
    """Put one test file into the suite."""
    (suite.path / "tests" / "test_it.py").write_text(source)


@in_workers
def test_slow_tests_are_left_out_loudly(suite: pytest.Pytester, workers: list[str]) -> None:
    """The summary says how many, and how to run them; under xdist as well."""
    write(suite, SLOW)
    result = suite.runpytest_subprocess(*workers)
    result.assert_outcomes(passed=1, deselected=0 if workers else 1)
    result.stdout.fnmatch_lines(["*1 slow tests LEFT OUT*", "run them too with: *--all"])


@pytest.mark.parametrize("asked", [["--all"], ["-m", "slow or not slow"]])
def test_slow_tests_run_when_they_are_asked_for(suite: pytest.Pytester, asked: list[str]) -> None:
    """By the option, or by their mark."""
    write(suite, SLOW)
    result = suite.runpytest_subprocess(*asked)
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*LEFT OUT*")


@pytest.fixture
def bare_machine(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite on a machine that has neither PostgreSQL 15 nor Chromium."""
    conftest = suite.path / "tests" / "conftest.py"
    text = conftest.read_text()
    start, end = text.index("POSTGRES15 = ("), text.index("HINTS = {")
    conftest.write_text(f"{text[:start]}POSTGRES15 = ()\n{text[end:]}")
    monkeypatch.setenv("PATH", str(suite.path))
    monkeypatch.delenv("CI", raising=False)
    return suite


@in_workers
def test_what_cannot_run_here_is_left_out_loudly(
    bare_machine: pytest.Pytester, workers: list[str]
) -> None:
    """The summary says how many and what they need, also when everything was asked for."""
    write(bare_machine, CHOOSY)
    result = bare_machine.runpytest_subprocess("--all", *workers)
    result.assert_outcomes(passed=1, deselected=0 if workers else 2)
    result.stdout.fnmatch_lines(
        [
            "*1 browser tests LEFT OUT*",
            "they need Chromium on PATH: *",
            "*1 postgres15 tests LEFT OUT*",
            "they need a PostgreSQL 15 server: *",
        ]
    )


@in_workers
def test_where_ci_is_set_nothing_is_missing(
    bare_machine: pytest.Pytester, workers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI a test whose program is not there fails, and says which."""
    monkeypatch.setenv("CI", "true")
    write(bare_machine, CHOOSY)
    result = bare_machine.runpytest_subprocess(*workers)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["they need *; CI is set, so it is not left out"])
    result.stdout.no_fnmatch_line("*LEFT OUT*")


@in_workers
@pytest.mark.parametrize("room", ["ROOM_BYTES = 0", "ROOM_BYTES = 1 << 60"])
def test_a_run_has_one_server_and_leaves_nothing(
    suite: pytest.Pytester, workers: list[str], room: str
) -> None:
    """All workers share it, in memory or not, and neither it nor its directory outlives the run."""
    conftest = suite.path / "tests" / "conftest.py"
    conftest.write_text(conftest.read_text().replace("ROOM_BYTES = 4 << 30", room))
    write(suite, SERVED)
    result = suite.runpytest_subprocess(*workers)
    result.assert_outcomes(passed=4)
    lines = (suite.path / "servers").read_text().splitlines()
    assert len(lines) == 4
    (server,) = set(lines)
    directory = Path(server.split(" ", 1)[1])
    assert directory.is_relative_to(suite.path) == (room != "ROOM_BYTES = 0" or not MEMORY.is_dir())
    assert not directory.exists()
    assert suite.path not in directory.parents or not list(directory.parent.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("group", ["sharing", "marked"])
def test_what_shares_what_is_dear_runs_in_one_worker(suite: pytest.Pytester, group: str) -> None:
    """Tests of one mark, and those that share a fixture of their module."""
    write(suite, TOGETHER)
    suite.runpytest_subprocess("-n2", "--dist=loadgroup").assert_outcomes(passed=16)
    workers = (suite.path / group).read_text().split()
    assert (len(workers), len(set(workers))) == (8, 1)


@in_workers
def test_a_platform_without_a_server_is_said_by_each_test(
    suite: pytest.Pytester, workers: list[str]
) -> None:
    """The reason stands in the test's error, and the run goes on."""
    suite.makeconftest(NO_WHEEL)
    write(suite, f"{SERVED}\ndef test_without():\n    pass\n")
    result = suite.runpytest_subprocess(*workers)
    result.assert_outcomes(passed=1, errors=4)
    result.stdout.fnmatch_lines(["*SandboxError: no wheel for this platform"])


def test_without_its_packages_the_suite_ends_in_one_line(tmp_path: Path) -> None:
    """A bare `pytest` in the environment of a rollout: what to run instead, and no traceback."""
    (tmp_path / "hypothesis.py").write_text("raise ModuleNotFoundError\n", encoding="utf-8")
    root = Project.find(Path(__file__).parent).root
    told = subprocess.run(
        [sys.executable, "-m", "pytest"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    line = "the tests need more than gonogo does: ./noxw -s tests installs it\n"
    assert (told.returncode, told.stdout, told.stderr) == (4, "", line)
