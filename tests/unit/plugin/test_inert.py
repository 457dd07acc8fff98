"""The plugin in suites that are not a gate: there, and of no consequence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gonogo
from gonogo.config.project import MARKER
from gonogo.plugin import MARKERS

pytest_plugins = ["pytester"]

SOURCE = Path(gonogo.__file__).parents[1]
CONFTEST = 'pytest_plugins = ["gonogo.plugin"]\n'
OTHERS = """
import pytest

@pytest.fixture
def finding():
    return "theirs"

def test_theirs(finding):
    assert finding == "theirs"
"""
CHECK = """
import pytest

@pytest.mark.asks(role="alert")
def test_alert(finding):
    pass
"""
CLASHING = """
def pytest_addoption(parser):
    parser.addoption("--json", "--window", dest="theirs")

def pytest_report_header(config):
    return f"theirs: {config.option.theirs}; ours: {config.option.gonogo_json}"
"""


@pytest.fixture
def entry_point(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the path, with the entry points of what is installed there: gonogo's."""
    place = pytester.mkdir("installed")
    info = place / "gonogo_installed-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gonogo-installed\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[pytest11]\ngonogo.plugin = gonogo.plugin\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), str(SOURCE)]))
    return info


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a check, and a test of something else beside it."""
    for marker in MARKERS:
        pytester.path.joinpath(marker).parent.mkdir(exist_ok=True)
        pytester.path.joinpath(marker).touch()
    pytester.path.joinpath("checks", "test_alerts.py").write_text(CHECK)
    pytester.makepyfile(test_others=OTHERS)
    return pytester


def test_it_imports_nothing_of_the_gate() -> None:
    """What every suite on the machine loads is one small module."""
    told = "import sys, gonogo.plugin; print(sorted(m for m in sys.modules if 'gonogo' in m))"
    path = {**os.environ, "PYTHONPATH": str(SOURCE)}
    loaded = subprocess.check_output([sys.executable, "-c", told], env=path, text=True)
    assert loaded.strip() == "['gonogo', 'gonogo.plugin']"


def test_a_project_is_known_by_its_own_file() -> None:
    """The name stands twice, because its room takes too long to import."""
    assert MARKER in MARKERS


@pytest.mark.usefixtures("entry_point")
def test_another_suite_has_no_option_marker_or_fixture_of_it(pytester: pytest.Pytester) -> None:
    """A fixture of the same name is the suite's own, and an option of ours is unknown."""
    pytester.makepyfile(OTHERS)
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=1)
    assert pytester.runpytest_subprocess("--window=48h").ret == pytest.ExitCode.USAGE_ERROR
    told = "".join(pytester.runpytest_subprocess("--help", "--markers").outlines)
    assert "release gate" not in told
    assert "asks(" not in told


@pytest.mark.usefixtures("entry_point")
def test_arguments_that_are_no_paths_do_not_disturb_it(pytester: pytest.Pytester) -> None:
    """Such as an expression longer than any file name may be."""
    pytester.makepyfile(OTHERS)
    words = " or ".join(["theirs"] * 100)
    pytester.runpytest_subprocess("-k", words).assert_outcomes(passed=1)


@pytest.mark.usefixtures("entry_point")
@pytest.mark.parametrize("named", [[], ["-p", "gonogo.plugin"]], ids=["conftest", "-p"])
def test_it_is_loaded_once(named: list[str], project: pytest.Pytester) -> None:
    """By its entry point, by the project's conftest.py and by name, all three of them."""
    project.makeconftest(CONFTEST)
    told = project.runpytest_subprocess(*named, "--trace-config", "--window=48h", "test_others.py")
    told.assert_outcomes(passed=1)
    registered = [line for line in told.outlines if "PLUGIN registered: <module 'gonogo" in line]
    assert len(registered) == 1


@pytest.mark.parametrize("how", ["conftest", "-p"])
def test_it_needs_no_entry_point(
    how: str, project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pytest loads none, the conftest.py or the command line does."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    if how == "conftest":
        project.makeconftest(CONFTEST)
    named = ["-p", "gonogo.plugin"] if how == "-p" else []
    told = project.runpytest_subprocess(*named, "--window=48h", "test_others.py")
    told.assert_outcomes(passed=1)


@pytest.mark.usefixtures("entry_point")
def test_a_check_in_another_run_is_refused(project: pytest.Pytester) -> None:
    """With a word about how checks are run; the fixture is not there to be missed."""
    told = project.runpytest_subprocess("--strict-markers")
    assert told.ret == pytest.ExitCode.INTERRUPTED
    assert "run the checks on their own: pytest checks/" in "".join(told.outlines)
    assert "gonogo/plugin" not in "".join(told.outlines), "where it was raised is shown as well"


@pytest.mark.usefixtures("entry_point")
@pytest.mark.parametrize(
    ("variable", "value"),
    [("PYTEST_ADDOPTS", "-p theirs"), ("PYTEST_PLUGINS", "theirs")],
    ids=["loaded before", "loaded after"],
)
def test_an_option_that_another_plugin_has_stays_its_own(
    variable: str, value: str, project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the two is loaded first; ours has another name then."""
    project.makepyfile(theirs=CLASHING)
    monkeypatch.setenv(variable, value)
    words = ("--json=a", "--gonogo-json=b", "--as-of=now", "test_others.py")
    told = project.runpytest_subprocess(*words)
    told.assert_outcomes(passed=1)
    assert "theirs: a; ours: b" in told.outlines


@pytest.mark.usefixtures("entry_point")
def test_the_checks_of_a_project_elsewhere_are_found_by_their_path(
    project: pytest.Pytester,
) -> None:
    """From the working directory of another suite; the gate says what is wrong in one line."""
    elsewhere = project.mkdir("elsewhere")
    checks = project.path / "checks"
    os.chdir(elsewhere)
    told = project.runpytest_subprocess("--window=48h", str(checks))
    assert told.ret == pytest.ExitCode.USAGE_ERROR
    assert "rollout.toml" in "".join(told.errlines)
