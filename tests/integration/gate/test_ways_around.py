"""Ways around the gate: only a closed GO record gives exit code 0; what is wrong leaves none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gate_process import GateOutcome
from gonogo.model.kinds import EXIT_CODES, VerdictKind

Gate = Callable[..., GateOutcome]
STAGING = ("--environment=staging", "--without=endpoints")
SLOW = pytest.mark.slow
# What pytest answers instead of running a check: as a variable that was set for another suite.
ANSWERED = [
    "--collect-only",
    "--fixtures",
    "-h",
    *(
        pytest.param(words, marks=SLOW)
        for words in (
            "--co -q",
            "--fixtures-per-test",
            "--markers",
            "-VV",
            "--cache-show=*",
            "--setup-plan",
            "--setup-only",
            "--looponfail",
            "-o addopts=--co",
            "-p no:gonogo.plugin.gating",
        )
    ),
]
# What selects nothing, or cannot be meant, and how it is named.
MEANT_WRONG = {
    "-k nonsense": "deselected",
    "-m alert": "Unknown marker(s) in '-m' expression: alert",
    "checks/nowhere.py": "there is no checks/nowhere.py; known are test_alerts.py, ",
    "-p no:python": "no tests ran",
    "--dsn=postgresql://u@db.invalid/x": "no name server knows the host 'db.invalid' of --dsn",
    "--dsn=postgresql://u@h/x?schema=public": "does not know: schema",
}


@pytest.mark.parametrize("words", ANSWERED)
def test_what_judges_nothing_is_never_success(gate: Gate, empty_database: str, words: str) -> None:
    """Whatever else pytest was made to do, its exit code is no GO, and no record is left."""
    told = gate(empty_database, *STAGING, PYTEST_ADDOPTS=words)
    assert told.code == pytest.ExitCode.USAGE_ERROR, told.output
    assert "nothing was judged" in told.output or "no check runs with" in told.output
    assert not told.records


@pytest.mark.parametrize(
    "words",
    [pytest.param(one, marks=[] if one.startswith("-k") else SLOW) for one in MEANT_WRONG],
)
def test_what_cannot_be_meant_leaves_no_record(
    gate: Gate, migrated_database: str, words: str
) -> None:
    """It is found before the first check, and the true cause is named."""
    told = gate(migrated_database, *STAGING, PYTEST_ADDOPTS=words)
    assert told.code in {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED}
    assert MEANT_WRONG[words] in told.output
    assert "Traceback" not in told.output
    assert not told.records


@pytest.mark.slow
def test_checks_that_cannot_be_read_leave_no_record(gate: Gate, empty_database: str) -> None:
    """A mistake in a file of checks is shown by pytest, and is no look at the database."""
    told = gate(empty_database, *STAGING, PYTEST_ADDOPTS="-o python_files=*.toml")
    assert told.code not in {0, 1, 10}, told.output
    assert not told.records


def test_a_template_that_does_not_work_is_found_before_the_record(
    gate: Gate, checkout: Path, empty_database: str
) -> None:
    """Not when all is judged; and it is the team's own that is named."""
    templates = checkout / "reports" / "templates"
    templates.mkdir(parents=True)
    (templates / "macros.html.jinja").write_text("{% include 'nowhere' %}", encoding="utf-8")
    told = gate(empty_database, *STAGING)
    assert told.code == pytest.ExitCode.USAGE_ERROR, told.output
    assert "correct macros.html.jinja, or delete it from templates/" in told.output
    assert not list(checkout.glob("reports/archive/*/*_*"))


@pytest.mark.parametrize("ending", ["| head -1", pytest.param(">/dev/full", marks=SLOW), ">&-"])
def test_nobody_need_read_what_the_gate_says(
    checkout: Path, empty_database: str, ending: str
) -> None:
    """A reader that has gone, a full disk, no standard output: verdict and exit code agree."""
    words = [sys.executable, "-m", "pytest", "checks/", *STAGING]
    code = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {ending}', "bash", *words],
        cwd=checkout,
        env=os.environ | {"DATABASE_URL": empty_database},
        capture_output=True,
        check=False,
        timeout=60,
    ).returncode
    (record,) = checkout.glob("reports/archive/staging/*_*")
    verdict = VerdictKind(record.name.partition("_")[2])
    assert code == EXIT_CODES[verdict]


@pytest.mark.parametrize(
    ("words", "addopts"), [(("--version",), ""), ((), "-p no:gonogo.plugin --co")]
)
def test_the_command_is_not_got_round_either(
    checkout: Path, empty_database: str, words: tuple[str, ...], addopts: str
) -> None:
    """`gonogo gate` loads its plugin whatever a variable says, and passes no answer of pytest's."""
    asked = subprocess.run(
        [sys.executable, "-m", "gonogo", "gate", *words],
        cwd=checkout,
        env=os.environ
        | {"DATABASE_URL": empty_database, "NODE_ENV": "staging", "PYTEST_ADDOPTS": addopts},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert asked.returncode == pytest.ExitCode.USAGE_ERROR, asked.stdout + asked.stderr
    assert "nothing" in asked.stderr


def test_a_conftest_cannot_turn_a_verdict_into_success(
    gate: Gate, checkout: Path, empty_database: str
) -> None:
    """The exit code is the record's, whatever a hook of another says."""
    (checkout / "checks" / "conftest.py").write_text(
        "import pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_sessionfinish(session):\n    yield\n    session.exitstatus = 0\n",
        encoding="utf-8",
    )
    told = gate(empty_database, *STAGING)
    (record,) = told.records
    assert told.code == EXIT_CODES[VerdictKind(record.name.partition("_")[2])] != 0


def test_pytests_own_output_commands_no_ci(gate: Gate, checkout: Path, empty_database: str) -> None:
    """Nor does it show a secret, whichever plugin prints it and where an error quotes it."""
    hostile = "::error::owned\\nx ##[error]y ##vso[task.z]w section_start:1:a hush-hush \\x1b]0;t"
    (checkout / "checks" / "conftest.py").write_text(
        f'TEXT = "{hostile}"\n\ndef pytest_report_header():\n    return TEXT\n\n'
        "def pytest_terminal_summary(terminalreporter):\n    terminalreporter.write_line(TEXT)\n",
        encoding="utf-8",
    )
    (checkout / "checks" / "test_hostile.py").write_text(
        f'def test_hostile():\n    raise ValueError("{hostile}")\n', encoding="utf-8"
    )
    told = gate(empty_database, *STAGING, "--tb=long", "-k", "hostile", SMOKE_JWT="hush-hush")
    assert told.output.count(": :error::owned") >= 2, told.output
    for raw in ("##[", "##vso[", "section_start:1", "hush-hush", "\x1b]"):
        assert raw not in told.output
    assert not any(line.lstrip().startswith("::") for line in told.output.splitlines())
