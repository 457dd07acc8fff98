"""How a command ends: told in one line, however it was ended and whatever was typed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gonogo import __version__, cli
from gonogo.errors import UsageError
from gonogo.plugin import OPTIONS
from gonogo.sandbox.checkout import copy_project

# The real command, whose rehearsal waits and takes its time to tidy up.
COMMAND = """
import fcntl, signal, sys, termios
from pathlib import Path
from gonogo import cli
from gonogo.sandbox.rehearsal import Rehearsal

_, where, place = sys.argv
if where == "terminal":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

def wait(self, **options):
    try:
        print("ready", flush=True)
        while True:
            signal.pause()
    finally:
        print("tidying up", flush=True)
        Path(place).write_text("in order")

Rehearsal.run = wait
sys.argv[1:] = ["rehearse"]
cli.main()
"""
LONGEST_S = 60
LAST_LINE = "gonogo: interrupted; everything that was started is stopped\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_command_says_so_in_its_last_line(
    pytestconfig: pytest.Config, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C, SIGTERM, a terminal that closes: tidied up, one line, exit code 130."""
    place = tmp_path / "ended"
    running = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "no terminal", str(place)],
        cwd=pytestconfig.rootpath,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    assert running.stdout.readline() == "ready\n"
    running.send_signal(number)
    out, err = running.communicate(timeout=LONGEST_S)
    assert (running.returncode, err) == (130, LAST_LINE), out
    assert place.read_text() == "in order"


def test_a_terminal_that_closes_leaves_a_command_that_ends_in_order(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    """Nobody reads the output any more, and still everything is tidied up."""
    place = tmp_path / "ended"
    person, terminal = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "terminal", str(place)],
        cwd=pytestconfig.rootpath,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    assert b"ready" in os.read(person, 100)
    os.close(person)
    assert running.wait(LONGEST_S) == 130
    assert place.read_text() == "in order"


def test_under_nohup_a_closed_terminal_is_no_reason_to_end(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    """What ignores SIGHUP goes on; SIGTERM ends it."""
    running = subprocess.Popen(
        ["nohup", sys.executable, "-c", COMMAND, "no terminal", str(tmp_path / "ended")],
        cwd=pytestconfig.rootpath,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.2)
    running.terminate()
    running.communicate(timeout=LONGEST_S)
    assert running.returncode == 130


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("nosuch", "No such command 'nosuch'"),
        ("deploy", "Missing argument 'environment'. Choose from: staging, production"),
        ("rehearse --users abc", "'--users'"),
        ("rehearse --users 100001", "less than or equal to 100000"),
        ("rehearse --seed 2147483648", "less than or equal to 2147483647"),
        ("rehearse --incident=", "there is no incident ''; known are sync-outage,"),
        ("rehearse --stop --keep", "--stop goes with neither --keep nor --incident"),
        ("rehearse --stop --incident=sync-outage", "--stop goes with neither"),
        ("incident close abc", "'abc' is no number of an incident; gonogo incident list shows"),
        ("incident close 0", "'0' is no number of an incident"),
    ],
)
def test_wrong_usage_is_one_line_and_code_4(
    words: str,
    says: str,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether we or the option parser found it: no box, no traceback, nothing done."""
    monkeypatch.chdir(pytestconfig.rootpath)
    monkeypatch.setattr(sys, "argv", ["gonogo", *words.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr()
    assert (ended.value.code, told.out) == (4, "")
    (line,) = told.err.splitlines()
    assert line.startswith("gonogo: ")
    assert says in line


@pytest.mark.parametrize("command", ["gate", "monitor"])
def test_the_help_of_a_gate_lists_every_option_within_80_columns(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of `pytest checks/`, as the plugin has them."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(cli.app, [command, "-h"]).output
    assert [name for name in (*OPTIONS, "strict") if f"--{name} " not in shown] == []
    assert max(map(len, shown.splitlines())) <= 80


def test_help_has_no_colour_and_cuts_no_option_at_40_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the terminal's background is, and however narrow it is."""
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    shown = CliRunner().invoke(cli.app, ["deploy", "-h"]).output
    assert not {"\x1b", "…"} & set(shown)
    assert "--previous-revision" in shown


def test_the_list_of_commands_cuts_no_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of each command's description, wrapped."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(cli.app, ["-h"]).output
    assert "..." not in shown.partition("Commands:")[2]


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that every record names."""
    assert said(["--version"], capsys) == (0, f"gonogo {__version__}\n")


def test_a_command_may_be_named_with_hyphens(capsys: pytest.CaptureFixture[str]) -> None:
    """`sign-off` is `sign_off`, also where a log is named after it."""
    code, told = said(["final-report", "--help"], capsys)
    assert (code, "final_report" in told) == (0, True)


def test_a_shell_completes_commands_and_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As bash asks for it."""
    monkeypatch.setenv("_GONOGO_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "gonogo deploy --rev")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert said([], capsys) == (0, "--revision\n")


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """How the command ends, and what it prints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gonogo", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return ended.value.code or 0, capsys.readouterr().out


def test_without_git_no_rehearsal_begins(
    pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line says so, before a server is started or a file is made."""
    monkeypatch.chdir(copy_project(pytestconfig.rootpath, tmp_path / "project"))
    monkeypatch.setenv("PATH", "")
    told = CliRunner().invoke(cli.app, ["rehearse"])
    assert str(told.exception) == "git is not installed; install it; the rehearsal needs it"
    assert told.output == ""
    assert not Path(".gonogo").exists()


def test_without_a_file_of_signers_signing_is_wrong_usage(
    pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that rollout.toml names is missing: exit code 4, as for any other."""
    monkeypatch.chdir(copy_project(pytestconfig.rootpath, tmp_path / "project"))
    Path("record").mkdir()
    words = ["sign_off", "record", "--decision", "go", "--by", "ada@example.com"]
    told = CliRunner().invoke(cli.app, words)
    assert isinstance(told.exception, UsageError)
    assert "allowed_signers, which says who may sign" in str(told.exception)


def test_a_process_of_wrong_usage_ends_with_code_4(pytestconfig: pytest.Config) -> None:
    """A shell sees the code, and the line on standard error."""
    told = subprocess.run(
        [sys.executable, "-m", "gonogo", "rehearse", "--stop", "--keep"],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (4, "")
    assert told.stderr.count("\n") == 1


def test_an_ascii_terminal_ends_no_command(tmp_path: Path) -> None:
    """What it cannot show comes as an escape, not as a traceback."""
    told = subprocess.run(
        [sys.executable, "-m", "gonogo", "rehearse", "--incident", "käse"],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 4
    assert told.stderr.startswith("gonogo: there is no incident 'k\\xe4se'")
