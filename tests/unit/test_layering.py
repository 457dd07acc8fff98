"""The house's order, read from the imports: downward only, and one home for each library."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gonogo

PACKAGE = Path(gonogo.__file__).parent
ARCHITECTURE = (PACKAGE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
# Each room may import from those before it, and from itself.
ORDER = (
    "__init__",
    "errors",
    "masking",
    "screen",
    "interruption",
    "leash",
    "process",
    "model",
    "config",
    "criteria",
    "judge",
    "postgres",
    "measure",
    "ledger",
    "record",
    "report",
    "signing",
    "checklist",
    "application",
    "rollout",
    "gate",
    "sandbox",
    "plugin",
    "cli",
    "__main__",
)
# Imports that go up, by module: none is left.
DEBTS: dict[str, set[str]] = {}
# Where a library may be imported: a room, or one module of it.
HOMES = {
    "apprise": ("report.notification",),
    "httpx": ("application",),
    "jinja2": ("report",),
    "nox": (),
    "postgast": ("postgres.parser",),
    "psycopg": ("postgres", "measure", "ledger", "rollout", "sandbox"),
    "pydantic": (
        "model",
        "config",
        "criteria",
        "record",
        "signing.signoffs",
        "checklist",
        "sandbox",
    ),
    "pytest": ("plugin",),
    "rich": ("cli", "report"),
    "tomllib": ("config", "criteria", "sandbox.incidents"),
    "typer": ("cli",),
}
# The stand-in is an application of its own, in two revisions: none of gonogo's rooms.
STANDIN = PACKAGE / "sandbox" / "standin"
# What `gonogo init` writes into a project: files that it copies and never imports.
STARTER = PACKAGE / "starter"
MODULES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not any(path.is_relative_to(place) for place in (STANDIN, STARTER))
]


def imports(source: str) -> Iterator[str]:
    """Every module that `source` names in an import, at its top or within a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute, so that they can be read"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from names if node.module == "gonogo" else (str(node.module),)


def dotted(path: Path) -> str:
    """Name a module from gonogo's root; a package is called by its own name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """The room of a module of gonogo; names that the package itself defines are ``__init__``'s."""
    first = module.partition(".")[0]
    return "__init__" if first == "__version__" else first


def rooms_used(path: Path) -> set[str]:
    """The rooms that a module imports from."""
    used = imports(path.read_text(encoding="utf-8"))
    return {room(name.removeprefix("gonogo.")) for name in used if name.startswith("gonogo.")}


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_downward_only(path: Path) -> None:
    """A module imports from its own room and from those below it."""
    own = room(dotted(path))
    assert own in ORDER, f"give {own} its place in ORDER"
    astray = {name for name in rooms_used(path) if ORDER.index(name) > ORDER.index(own)}
    assert astray == DEBTS.get(dotted(path), set())


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_each_library_is_used_at_home_only(path: Path) -> None:
    """Each has one home: psycopg the database rooms, pytest the plugin, jinja2 the record room."""
    own = dotted(path)
    used = {name.partition(".")[0] for name in imports(path.read_text(encoding="utf-8"))}
    astray = {
        library
        for library in used & set(HOMES)
        if not any(own == home or own.startswith(f"{home}.") for home in HOMES[library])
    }
    assert not astray


@pytest.mark.parametrize("path", sorted((PACKAGE / "judge").glob("*.py")), ids=dotted)
def test_what_judges_is_pure(path: Path) -> None:
    """No clock, no file, no network, no library: the same figures bring the same verdict."""
    source = path.read_text(encoding="utf-8")
    used = {module.partition(".")[0] for module in imports(source)} - {"gonogo"}
    assert used <= sys.stdlib_module_names
    assert not used & {"io", "os", "pathlib", "random", "socket", "subprocess", "time"}
    assert "now(" not in source


def test_every_room_has_its_place_once() -> None:
    """The order names no room twice and none that is not there."""
    there = {room(dotted(path)) for path in MODULES}
    assert len(set(ORDER)) == len(ORDER)
    assert set(ORDER) == there


def test_every_room_is_in_the_table() -> None:
    """docs/architecture.md has each room once, and nothing above what it imports from."""
    table = ARCHITECTURE.partition("| room |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    line = {name: row for row, names in enumerate(rows) for name in re.findall(r"`(\w+)`", names)}
    assert set(line) == set(ORDER) - {"__init__", "__main__"}
    assert sum(names.count("`") for names in rows) == 2 * len(line)
    for path in MODULES:
        own = line.get(room(dotted(path)), len(rows))
        assert {name for name in rooms_used(path) if line.get(name, 0) > own} == DEBTS.get(
            dotted(path), set()
        )


def test_every_room_is_in_the_picture() -> None:
    """Each once, in the order of the layers, and each arrow is an import that there is."""
    (picture,) = re.findall(r"^```mermaid\n(.*?)^```", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    nodes = re.findall(r"^ +(\w+)$", picture, re.MULTILINE)
    drawn = [name for name in nodes if name != "end"]
    assert drawn == [name for name in reversed(ORDER) if not name.startswith("__")]
    used: dict[str, set[str]] = {}
    for path in MODULES:
        used.setdefault(room(dotted(path)), set()).update(rooms_used(path))
    arrows = re.findall(r"(\w+) --> (\w+)", picture)
    assert [(over, under) for over, under in arrows if under not in used[over]] == []


def test_every_module_that_the_page_names_is_there() -> None:
    """The two ways lead through modules as they are called now."""
    named = set(re.findall(r"^\| \d+ \| (.*?) \|", ARCHITECTURE, re.MULTILINE))
    there = {dotted(path) for path in MODULES}
    names = {name for cell in named for name in re.findall(r"`([\w.]+)`", cell)}
    assert names
    assert names - there == set()
