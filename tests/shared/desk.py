"""A desk of one's own: a checkout, a database, the stand-in application, and the command line."""

from __future__ import annotations

import os
import pty
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psycopg

import forked
from gate_process import make_checkout
from gonogo.record.listing import list_records
from gonogo.sandbox.surroundings import Repository, create_repository, sandbox_environment

ROOT = Path(__file__).parents[2]
ROLLOUT = ROOT / "src" / "gonogo" / "sandbox" / "rollout.toml"
# Longer than any command takes, however busy the machine is.
LONGEST_S = 240
# Each is most of half a second of Python; what they prove of the stand-in, a rehearsal proves.
SLOW_COMMANDS = (
    '["{python}", "-c", "import psycopg, tenacity"]',
    '["{python}", "-m", "unittest", "-q"]',
)


@dataclass
class Desk:
    """What a person at a command line has.

    Args:
        root: The checkout, a copy that a test may change.
        conninfo: The application's database.
        environ: The session's variables.
    """

    root: Path
    conninfo: str
    environ: dict[str, str] = field(repr=False)

    @cached_property
    def repository(self) -> Repository:
        """The stand-in's two revisions, made when somebody asks for them."""
        return create_repository(self.root)

    @property
    def database(self) -> str:
        """The database's name."""
        return str(self.ask("select current_database()"))

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command where there is no terminal to ask at."""
        return self._run(words, variables, subprocess.DEVNULL)

    def type(self, typed: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command at a terminal, and type a line."""
        person, terminal = pty.openpty()
        try:
            os.write(person, f"{typed}\n".encode())
            return self._run(words, variables, terminal)
        finally:
            os.close(person)
            os.close(terminal)

    def start(self, *words: str) -> forked.Forked | subprocess.Popen[str]:
        """Start a command, and do not wait for it."""
        return forked.start("gonogo", *words, cwd=self.root, env=self.environ)

    def _run(
        self, words: tuple[str, ...], variables: dict[str, str], stdin: int
    ) -> subprocess.CompletedProcess[str]:
        return forked.run(
            "gonogo",
            *words,
            cwd=self.root,
            env=self.environ | variables,
            stdin=stdin,
            timeout_s=LONGEST_S,
        )

    @property
    def deployment(self) -> tuple[str, ...]:
        """The words that deploy the new revision to staging."""
        return ("deploy", "staging", "--revision", self.repository.after)

    def deploy(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Deploy the new revision to staging."""
        return self.run(*self.deployment, *words)

    def ask(self, query: str) -> object:
        """The first column of the first row of a query, or None."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def labels(self) -> list[str]:
        """What the records in the archive are called, oldest first."""
        return [record.label for record in reversed(list_records(self.root / "archive"))]


def make_desk(root: Path, conninfo: str) -> Desk:
    """Lay out a desk in `root`: for staging, and for production in the same manner."""
    make_checkout(root)
    staging = ROLLOUT.read_text(encoding="utf-8")
    for words in SLOW_COMMANDS:
        staging = staging.replace(words, '["true"]')
    production = staging[staging.index("[environments.staging]") :].replace(
        ".staging", ".production"
    )
    (root / "rollout.toml").write_text(f"{staging}\n{production}", encoding="utf-8")
    return Desk(root, conninfo, sandbox_environment(root, conninfo))
