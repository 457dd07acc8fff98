"""How a message names a command: as whoever reads it calls it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gonogo.screen import CALLED_THROUGH, command

ROOT = Path(__file__).parents[2]
NOXFILE = (ROOT / "noxfile.py").read_text(encoding="utf-8")
SESSIONS = set(re.findall(r"^def (\w+)\(session", NOXFILE, re.MULTILINE))


def named() -> set[str]:
    """The commands that messages name, an environment in the place of a variable."""
    names = set()
    for path in (ROOT / "src" / "gonogo").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "from gonogo.screen import command" not in source:
            continue
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "command" and call.args:
                one = call.args[0]
                for name in (one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,):
                    text = ast.unparse(name).removeprefix("f").strip("'\"")
                    names.add(re.sub(r"\{.*?\}", "staging", text))
    return names


def test_an_installed_gonogo_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, its argument and its options, as they are typed."""
    monkeypatch.delenv(CALLED_THROUGH, raising=False)
    assert command("deploy staging", "--plan") == "gonogo deploy staging --plan"
    assert command("status") == "gonogo status"


def test_a_session_of_nox_tells_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session that stands for the command, and its options behind two dashes."""
    monkeypatch.setenv(CALLED_THROUGH, "./noxw -s")
    assert command("deploy staging", "--plan") == "./noxw -s deploy_staging -- --plan"
    assert command("criteria") == "./noxw -s docs"


def test_every_command_that_a_message_names_has_its_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is said to whoever called nox can be typed."""
    monkeypatch.setenv(CALLED_THROUGH, "./noxw -s")
    assert {"status", "deploy staging", "rollback"} <= named()
    for name in named():
        assert command(name).removeprefix("./noxw -s ") in SESSIONS, name


def test_the_noxfile_says_that_it_calls() -> None:
    """Messages under nox name its sessions."""
    assert f'"{CALLED_THROUGH}": "./noxw -s"' in NOXFILE
