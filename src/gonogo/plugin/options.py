"""gonogo's command-line options for pytest, and what they mean together with rollout.toml."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gonogo.config import RolloutConfig
from gonogo.config.project import MARKER, Project
from gonogo.errors import UsageError
from gonogo.gate.setting import Options
from gonogo.model.window import parse_duration, parse_moment
from gonogo.postgres.settings import named_environment


def add_options(parser: pytest.Parser) -> None:
    """Add the options; ``--strict`` is pytest's own, and gonogo heeds it too."""
    group = parser.getgroup("gonogo", "the release gate")
    group.addoption("--window", metavar="48h", help="how much to judge: a number and m, h, d or w")
    group.addoption("--as-of", metavar="MOMENT", help="end of the window, ISO 8601 (default: now)")
    group.addoption("--dsn", metavar="DSN", help="the database, without a password; first of all")
    group.addoption("--environment", metavar="NAME", help="staging or production")
    group.addoption(
        "--without",
        action="append",
        default=[],
        metavar="GROUP",
        help="leave out on purpose, such as endpoints or ledger; repeatable",
    )
    group.addoption("--deployed-at", metavar="MOMENT", help="start of the soak without a ledger")
    group.addoption("--criteria", metavar="FILE", help="judge by another criteria file")
    group.addoption("--figures", action="store_true", help="tell all figures, as a monitor does")
    group.addoption("--json", metavar="FILE", dest="record_json", help="copy the record; - prints")


def gate_options(config: pytest.Config, project: Project) -> Options:
    """Read the options; rollout.toml's ``without`` is added to the command line's.

    Args:
        config: pytest's.
        project: Where rollout.toml lies.

    Raises:
        UsageError: An option is malformed, or rollout.toml is wrong.
    """
    given = config.getoption
    window, as_of, deployed = given("--window"), given("--as-of"), given("--deployed-at")
    rollout = RolloutConfig.load(project.root / MARKER)
    criteria, json = given("--criteria"), given("record_json")
    return Options(
        window=None if window is None else parse_duration(window),
        as_of=None if as_of is None else parse_moment(as_of),
        environment=named_environment(os.environ, given("--environment")),
        without=frozenset(given("--without")) | frozenset(rollout.without),
        deployed_at=None if deployed is None else parse_moment(deployed, "--deployed-at"),
        criteria=None if criteria is None else _file("--criteria", criteria),
        strict=bool(config.getini("strict")),
        json=json if json in {None, "-"} else str(_file("--json", json)),
        figures=given("--figures"),
        endpoints=rollout.endpoints,
        archive_dir=rollout.archive_dir,
        migrations_dir=rollout.migrations_dir,
        migrations_from=rollout.migrations_from,
        allowed_signers=rollout.allowed_signers,
    )


def _file(option: str, text: str) -> Path:
    """An empty name is a variable that was not set, never the working directory.

    Raises:
        UsageError: It names nothing.
    """
    if not text.strip():
        raise UsageError(f"{option} names no file", "name one, or leave it out")
    return Path(text).resolve()
