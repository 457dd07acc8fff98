"""The gate as a person runs it: in a checkout of its own, in a process of its own."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

import forked
from gonogo.model.record import Record
from gonogo.postgres import session
from gonogo.record.canonical import read_record
from gonogo.report.answers import reasons
from gonogo.sandbox.checkout import copy_project
from gonogo.sandbox.traffic import Traffic, generate

ROOT = Path(__file__).parents[2]
NAMES = ("DATABASE_URL", "NODE_ENV", "WEBHOOK_BASE_URL", "ADMIN_JWT", "GITHUB_STEP_SUMMARY")
SOAK = timedelta(hours=48)
IN_A_HURRY = """
from gonogo.application import endpoints
from gonogo.postgres import readonly

endpoints.probe.__kwdefaults__["pause_s"] = 0.05
readonly.connect.__kwdefaults__["budget_s"] = 0.5
"""
ENDLESS = "select 'valid' as status, null as integration, 1 as n from pg_sleep(600)"


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What one run of the gate left.

    Args:
        code: Its exit code.
        output: Standard output and error.
        records: Directories of the records in the archive, oldest first.
    """

    code: int
    output: str
    records: tuple[Path, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The newest record."""
        document: dict[str, Any] = json.loads((self.records[-1] / "record.json").read_text())
        return document

    @property
    def record(self) -> Record:
        """The newest record, as gonogo reads it."""
        return read_record(self.records[-1])

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why its verdict is what it is."""
        return reasons(self.record)

    @property
    def lasted_s(self) -> float:
        """From the moment at which the gate began until it had its answer."""
        record = self.record
        assert record.finished_at
        return (record.finished_at - record.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Soaked:
    """A database after 48 healthy hours.

    Args:
        conninfo: Where it is.
        end: The moment at their end.
    """

    conninfo: str
    end: datetime


def make_checkout(root: Path) -> Path:
    """Copy what a gate needs of the project to `root`."""
    return copy_project(ROOT, root)


def never_end(checkout: Path) -> Path:
    """Let one survey of a checkout never end by itself; its file."""
    path = checkout / "checks" / "sql" / "token_states.sql"
    path.write_text(ENDLESS, "utf-8")
    return path


def hurry(checkout: Path) -> None:
    """Let a checkout's gate ask again at once: what is silent here stays silent."""
    (checkout / "checks" / "conftest.py").write_text(IN_A_HURRY, "utf-8")


def run_gate(checkout: Path, conninfo: str | None, *options: str, **variables: str) -> GateOutcome:
    """Run ``pytest checks/`` in a checkout, on a database, with options and variables."""
    environ = {name: value for name, value in os.environ.items() if name not in NAMES}
    environ = {name: value for name, value in environ.items() if not name.startswith("PG")}
    environ |= {"DATABASE_URL": conninfo} if conninfo else {}
    words = ("checks/", *options)
    finished = forked.run("pytest", *words, cwd=checkout, env=environ | variables, timeout_s=180)
    archive = checkout / "reports" / "archive"
    records = sorted(path.parent for path in archive.glob("*/*/record.json"))
    return GateOutcome(finished.returncode, finished.stdout + finished.stderr, tuple(records))


def soak_end(conninfo: str) -> datetime:
    """The end of 48 hours that begin with the deployment's end."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("select finished_at from gonogo.deployment").fetchone()
    assert row
    finished: datetime = row[0]
    return finished + SOAK


def soak(conninfo: str) -> None:
    """Give a database 48 hours of healthy traffic since its deployment."""
    end = soak_end(conninfo)
    with session.connect(conninfo) as connection:
        generate(connection, Traffic(end - SOAK, end, rows=40_000))


def live_through(conninfo: str) -> None:
    """Let a database have been deployed to 48 hours ago, and healthy since."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("update gonogo.deployment set finished_at = now() - interval '48 hours'")
    soak(conninfo)
