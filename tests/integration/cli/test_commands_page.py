"""docs/commands.md: each of its lines, run in their order as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from desk import Desk
from howto import blocks, load_noxfile, words_of

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
LINES = [line for block in blocks("commands.md") for line in block.splitlines()]
SESSIONS = {
    "preflight": ["preflight"],
    "deploy_staging": ["deploy", "staging"],
    "deploy_production": ["deploy", "production"],
    "verify": ["verify"],
    "status": ["status"],
    "incident": ["incident"],
    "promote_admin": ["promote_admin"],
    "rollback": ["rollback"],
}


@pytest.fixture(scope="module")
def noxfile() -> ModuleType:
    """The noxfile as a module."""
    return load_noxfile()


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_hands_on_what_follows_it(noxfile: ModuleType, name: str) -> None:
    """Nothing of it is its own: the words after ``--`` reach the `gonogo` command."""
    assert words_of(noxfile, name, ["--some", "thing"]) == [*SESSIONS[name], "--some", "thing"]


def test_the_page_knows_every_session() -> None:
    """Each has its line in the table, and an example."""
    assert all(f"| `{name}` |" in PAGE for name in SESSIONS)
    assert set(SESSIONS) == set(re.findall(r"noxw -s (\w+)", "\n".join(LINES)))


@pytest.mark.slow
def test_every_line_of_the_page_does_what_it_says(desk: Desk, noxfile: ModuleType) -> None:
    """In their order, on one staging database: what is for production is refused, all else done."""
    desk.ask("insert into users (email) values ('ada@example.com')")
    meant = {"v2.4.0": desk.repository.after, "app": desk.database}
    for line in LINES:
        variables, words = parsed(line)
        if words[0] == "./noxw":
            words = words_of(noxfile, words[2], words[4:])
        words = [meant.get(word, word) for word in words if word != "gonogo"]
        told = desk.type(desk.database, *words, **variables)
        if "production" in words:
            assert "knows this database as staging, not as production" in told.stderr, line
        else:
            assert told.returncode == 0, f"{line}\n{told.stdout}{told.stderr}"


def parsed(line: str) -> tuple[dict[str, str], list[str]]:
    """The variables that a line sets, and its words."""
    words = shlex.split(line)
    assigned = [word for word in words if word.startswith("NODE_ENV=")]
    variables = dict(word.split("=", 1) for word in assigned)
    return variables, words[len(assigned) :]
