"""Every option, argument and variable there is, with a value that would do harm if it could."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import typer

from desk import Desk, make_desk
from first_application import CONFIG
from gonogo.cli import app
from gonogo.errors import DatabaseError
from gonogo.plugin import add_options
from gonogo.postgres import session
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import connect
from gonogo.sandbox import surroundings
from gonogo.sandbox.databases import Databases

pytestmark = pytest.mark.slow

HOSTILE = "'\"$(touch canary);`touch canary`; drop table users; -- {0}%s\n\x1b[31m\x07"
# Rehearsing is done in a sandbox of its own.
ELSEWHERE = {"rehearse"}
# What a command must be given besides, by its name; "plain" where it may be anything.
BESIDES = {"environment": "staging", "decision": "go", "number": "1"}
VARIABLES = (
    *(name for name in CONFIG.variables if not name.startswith("GOOGLE_CLIENT")),
    *("DATABASE_URL", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "NODE_ENV"),
    *("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "PGSERVICE", "PGOPTIONS", "PGSSLROOTCERT"),
    *("LOGNAME", "LANG", "TZ", "PGHOST"),
)


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that has none below it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, one in below.items():
        yield from leaves(one, (*path, name))


def attempts() -> Iterator[Any]:
    """Each value that can be typed, hostile; what else a command must be given is plain."""
    for path, command in leaves(typer.main.get_command(app)):
        if path[0] in ELSEWHERE:
            continue
        for asked in command.params:
            if getattr(asked, "is_flag", False) or asked.name == "help":
                continue
            words = [*path]
            for one in command.params:
                value = HOSTILE if one is asked else BESIDES.get(one.name, "plain")
                if one.param_type_name == "argument" and (one is asked or one.required):
                    words.append(value)
                elif one is asked or one.required:
                    words.append(f"{one.opts[0]}={value}")
            yield pytest.param(words, id=f"{' '.join(path)} {asked.name}")


class Gathered:
    """The options of the pytest plugin, gathered as pytest would."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def getgroup(self, *_: object) -> Gathered:
        """A group of options is as good as any other place."""
        return self

    def addoption(self, name: str, **how: object) -> None:
        """Keep what takes a value."""
        if how.get("action") != "store_true":
            self.names.append(name)


def gate_options() -> list[str]:
    """The options of ``pytest checks/`` that take a value."""
    gathered: Any = Gathered()
    add_options(gathered)
    names: list[str] = gathered.names
    return names


@pytest.fixture(scope="module")
def desk(
    databases: Databases, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A desk after a deployment, with no application behind it."""
    root, name = tmp_path_factory.mktemp("every"), f"test_{uuid4().hex}"
    made = make_desk(root, databases.create(name, migrated_template))
    made.deploy()
    yield made
    surroundings.stop_everything(root)
    databases.drop(name)


def harmless(desk: Desk, told: subprocess.CompletedProcess[str]) -> None:
    """It ended in words, whatever it said; nothing was carried out, dropped or let through."""
    said = told.stdout + told.stderr
    assert "Traceback" not in said
    assert told.returncode >= 0
    assert said.strip()
    assert not set(said) & {"\x1b", "\x07"}
    assert not list(desk.root.rglob("canary"))
    assert desk.ask("select count(*) from users") == 60


@pytest.mark.parametrize("words", list(attempts()))
def test_no_option_is_more_than_a_value(desk: Desk, words: list[str]) -> None:
    """Of any command: refused in words, or treated as the text that it is."""
    harmless(desk, desk.run(*words))


@pytest.mark.parametrize("option", gate_options())
def test_no_option_of_the_gate_is_more_than_a_value(desk: Desk, option: str) -> None:
    """Those that pytest hands on, too; nothing of the kind is ever GO."""
    told = desk.run("gate", "--environment=staging", "--without=endpoints", f"{option}={HOSTILE}")
    harmless(desk, told)
    assert told.returncode != 0


@pytest.mark.parametrize("opened", [connect, lambda settings: session.connect(settings.conninfo)])
def test_a_host_that_is_no_name_is_one_line(opened: Callable[[DatabaseSettings], object]) -> None:
    """Longer than a name may be: no name server can be asked for it."""
    with pytest.raises(DatabaseError, match="does not answer") as caught:
        opened(DatabaseSettings(f"host={'x' * 64}", "the test"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_is_more_than_a_value(desk: Desk, name: str) -> None:
    """Everything is looked at that a deployment needs, with one variable that is hostile."""
    named = {"DATABASE_URL": ""} if name.startswith(("DB_", "PGHOST")) else {}
    harmless(desk, desk.run("preflight", **named, **{name: HOSTILE}))
