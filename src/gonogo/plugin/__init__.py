"""The door from pytest: loaded by its entry point in every suite, and inert but in a project's.

A project is a folder with `rollout.toml` or `checks/criteria.toml`. Only there do options, marker
and fixtures exist, and only where `checks/` is what pytest is asked to run is the gate imported.
So this module imports nothing but pytest.
"""

from __future__ import annotations

import gc
import os
import sys
from argparse import ArgumentError
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, Required, TextIO, TypedDict

import pytest

CHECKS = "checks"
# `config.project.MARKER` and the criteria file, whose rooms are too heavy for everybody's start.
MARKERS = ("rollout.toml", f"{CHECKS}/criteria.toml")
IN_PROJECT = pytest.StashKey[bool]()
# Options under which pytest runs no check, or never ends.
NO_RUN = {"setuponly": "--setup-only", "setupplan": "--setup-plan", "looponfail": "--looponfail"}
STANDARD_OUTPUT = pytest.StashKey[TextIO]()
# Of new objects, before garbage is looked for among them.
MOST_YOUNG = 100_000
# Each is kept under a name of gonogo's own, so that no other plugin's value is read as ours.
DEST = "gonogo_{}"


class Option(TypedDict, total=False):
    """How pytest reads an option: what its parser's ``addoption`` takes."""

    help: Required[str]
    metavar: str
    action: Literal["append", "store_true"]
    default: list[str]


OPTIONS: dict[str, Option] = {
    "window": {"metavar": "48h", "help": "length of the window: a number and m, h, d or w"},
    "as-of": {"metavar": "MOMENT", "help": "end of the window, ISO 8601 (default: now)"},
    "dsn": {"metavar": "DSN", "help": "the database, without a password; before all variables"},
    "environment": {"metavar": "NAME", "help": "staging or production"},
    "without": {
        "metavar": "GROUP",
        "action": "append",
        "default": [],
        "help": "leave out on purpose, such as endpoints or ledger; repeatable",
    },
    "deployed-at": {"metavar": "MOMENT", "help": "start of the soak without a ledger"},
    "criteria": {"metavar": "FILE", "help": "judge by another criteria file"},
    "figures": {"action": "store_true", "help": "print all figures, as a monitor does"},
    "textfile": {"metavar": "DIR", "help": "write OpenMetrics there, one file an environment"},
    "json": {"metavar": "FILE", "help": "copy the record to a file; - prints it"},
}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add gonogo's options where a conftest.py loads this plugin: its hook below is not called."""
    config: pytest.Config = pluginmanager.getplugin("pytestconfig")
    known = getattr(config, "known_args_namespace", None)
    loading_conftests = known is not None and known.confcutdir is not None
    if loading_conftests and _in_project(config, config.invocation_params.args):
        add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Add gonogo's options after every other plugin's, so that a name of theirs stays theirs."""
    if _in_project(early_config, args):
        add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Import the gate and hand the run to it where ``checks/`` is what pytest is asked to run."""
    root = _checks_asked(config)
    if root is None:
        return (yield)
    if sys.flags.optimize:
        raise pytest.UsageError("checks are assertions: unset PYTHONOPTIMIZE, leave out -O")
    for name, option in NO_RUN.items():
        if config.getoption(name, default=None):
            raise pytest.UsageError(f"no check runs with {option}: leave it out")
    # What is imported stays. A run is short, and what it makes is hardly ever garbage in a circle.
    gc.disable()
    from gonogo.plugin import gating  # noqa: PLC0415  # no other suite pays for it

    gc.freeze()
    gc.enable()
    gc.set_threshold(MOST_YOUNG)
    return (yield from gating.carried_out(config, root))


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and in a project's other suites what keeps checks out of them."""
    if not config.stash.get(IN_PROJECT, False):
        return
    config.addinivalue_line("markers", "asks(role, groups, others): which checks a test answers")
    if _checks_asked(config) is None:
        config.pluginmanager.register(_NoChecks())


class _NoChecks:
    """In a run that is not the gate's, a check has nothing to answer from."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Refuse a check."""
        if metafunc.definition.get_closest_marker("asks"):
            # pytest shows this line alone; of another error it would show where it was raised.
            raise pytest.Collector.CollectError("run the checks on their own: pytest checks/")


def add_options(parser: pytest.Parser) -> None:
    """Add the options; ``--strict`` is pytest's own, and gonogo heeds it too.

    Where another plugin has an option ``--json``, ours is ``--gonogo-json``.
    """
    group = parser.getgroup("gonogo", "the release gate")
    for name, attributes in OPTIONS.items():
        dest = DEST.format(name.replace("-", "_"))
        try:
            group.addoption(f"--{name}", dest=dest, **attributes)
        except (ArgumentError, ValueError):
            group.addoption(f"--gonogo-{name}", dest=dest, **attributes)


def assumptions(config: pytest.Config) -> Iterator[str]:
    """What is assumed of a moment that was given without a time zone."""
    for option in ("as-of", "deployed-at"):
        text: str | None = config.getoption(DEST.format(option.replace("-", "_")))
        if text and datetime.fromisoformat(text.strip()).tzinfo is None:
            yield f"--{option}={text} names no time zone: it was read as UTC"


def _in_project(config: pytest.Config, args: Iterable[str | os.PathLike[str]]) -> bool:
    """Whether the working directory, pytest's root or an argument lies in a project."""
    here = config.invocation_params.dir
    asked = (here / os.fspath(argument).partition("::")[0] for argument in args)
    places = {place.resolve() for place in (here, config.rootpath, *asked)}
    found = any(map(_is_project, {above for place in places for above in (place, *place.parents)}))
    config.stash[IN_PROJECT] = found
    return found


def _checks_asked(config: pytest.Config) -> Path | None:
    """The project whose ``checks/``, or a part of it, is among pytest's arguments."""
    if not config.stash.get(IN_PROJECT, False):
        return None
    # With --help pytest does not come to sort them.
    for argument in config.args or map(str, config.invocation_params.args):
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        for place in (path, *path.parents):
            if place.name == CHECKS and _is_project(place.parent):
                return place.parent
    return None


def require_there(config: pytest.Config) -> None:
    """Refuse a misspelt check before anything is measured: pytest would find out only later."""
    for argument in config.args:
        path = config.invocation_params.dir / argument.partition("::")[0]
        if not path.exists():
            from gonogo.config.project import meant  # noqa: PLC0415  # no other suite pays for it

            there = sorted(one.name for one in path.parent.glob("test_*.py"))
            raise pytest.UsageError(f"there is no {argument}; {meant(path.name, there)}")


def _is_project(directory: Path) -> bool:
    # An argument need not be a path, nor one that can be looked at.
    with suppress(OSError, ValueError):
        return any((directory / marker).is_file() for marker in MARKERS)
    return False
