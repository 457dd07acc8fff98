"""A server with one application before and after its deployment, copied for one kill each."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from gonogo.errors import SandboxError
from gonogo.ledger import installation
from gonogo.postgres import session
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from lab.kills.applications import DATABASE, ROOT, Application, Place

# The ledger's triggers that let a deployer wait where a row of it is written, and for what.
PAUSING = (ROOT / "tests" / "faults" / "pausing.sql", Path(__file__).with_name("pausing.sql"))
# Files and database before a deployment, and after it.
BASE, DEPLOYED = "killed_base", "killed_deployed"
RECOVERS_WITHIN_S = 30.0
OTHERS = "select datname from pg_database where not datistemplate and datname <> all(%s)"


@dataclass(frozen=True, slots=True)
class Unkilled:
    """A procedure that came to its end, as one that was killed must in the end.

    Args:
        print: Schema and rows after it.
        lasts_s: How long it takes.
    """

    print: tuple[str, str]
    lasts_s: float


@dataclass
class World:
    """A server of one's own, which may be killed as well.

    Args:
        directory: Where everything lies.
        server: The server.
        application: What is deployed.
    """

    directory: Path
    server: EmbeddedServer
    application: Application
    _place: Place | None = field(default=None, repr=False)
    _unkilled: dict[tuple[str, str], Unkilled] = field(default_factory=dict, repr=False)

    @property
    def root(self) -> Path:
        """Where every place lies: a ledger and a worktree of git hold full paths."""
        return self.directory / "place"

    def ask(self, query: str, parameters: list[object] | None = None) -> object:
        """The first column of the first row of a query, asked beside the application's database."""
        with psycopg.connect(self.server.conninfo(), autocommit=True) as connection:
            row = connection.execute(query.encode(), parameters).fetchone()
        return row[0] if row else None

    def set_up(self, statement: str) -> None:
        """Change a setting of the server."""
        with psycopg.connect(self.server.conninfo(), autocommit=True) as connection:
            connection.execute(statement.encode())
            connection.execute("select pg_reload_conf()")

    def revive(self) -> None:
        """Start the server again where it was killed, once all that it began has ended."""
        self.server.stop()
        patiently = Retrying(
            retry=retry_if_exception_type(SandboxError),
            wait=wait_fixed(0.2),
            stop=stop_after_delay(RECOVERS_WITHIN_S),
            reraise=True,
        )
        self.server = patiently(EmbeddedServer.start, self.directory / "server")

    def recover(self, killed: int) -> None:
        """Wait until the server has seen that a session died, and has recovered."""
        patiently = Retrying(
            retry=retry_if_exception_type(psycopg.OperationalError) | retry_if_result(bool),
            wait=wait_fixed(0.05),
            stop=stop_after_delay(RECOVERS_WITHIN_S),
        )
        patiently(self.ask, "select true from pg_stat_activity where pid = %s", [killed])

    @contextmanager
    def place(self, saved: str) -> Iterator[Place]:
        """A copy of what was saved, whose application runs; everything of it goes afterwards."""
        if self._place is None:
            raise RuntimeError("nothing was laid out")
        place = self._place
        shutil.copytree(self.directory / saved, self.root, symlinks=True)
        Databases(self.server).create(DATABASE, saved)
        try:
            place.control(place.starts, place.before if saved == BASE else place.after)
            yield place
        finally:
            place.end()
            self.clear()

    def lay_out(self) -> None:
        """Lay out the application before its deployment."""
        conninfo = Databases(self.server).create(DATABASE)
        self._place = self.application.lay_out(self.server, self.root, conninfo)
        with session.connect(conninfo) as connection:
            installation.install(connection)
            for file in PAUSING:
                connection.execute(file.read_bytes())
        self.save(BASE)
        self.clear()

    def unkilled(self, saved: str, procedure: str) -> Unkilled:
        """What a procedure leads to that nobody kills; it is run once, while there is no place.

        Raises:
            RuntimeError: It failed.
        """
        if saved == DEPLOYED and not (self.directory / DEPLOYED).exists():
            self.unkilled(BASE, "deploy")
        if (saved, procedure) not in self._unkilled:
            with self.place(saved) as place:
                self._unkilled[saved, procedure] = self._ended_well(place, saved, procedure)
                if procedure == "deploy":
                    place.ask(self.application.written)
                    # A database that anybody is connected to cannot be copied.
                    place.control(place.stops)
                    self.save(DEPLOYED)
        return self._unkilled[saved, procedure]

    def _ended_well(self, place: Place, saved: str, procedure: str) -> Unkilled:
        began = time.monotonic()
        # Before a deployment there is nothing to roll back.
        if (saved, procedure) != (BASE, "rollback"):
            code, said = place.run(*place.words(procedure))
            if code:
                raise RuntimeError(said)
        return Unkilled(self.print_of(place), time.monotonic() - began)

    def save(self, name: str) -> None:
        """Keep files and database as they are, while nothing runs."""
        shutil.copytree(self.root, self.directory / name, symlinks=True)
        Databases(self.server).create(name, DATABASE)

    def clear(self) -> None:
        """Remove files and databases, but not what was saved."""
        shutil.rmtree(self.root, ignore_errors=True)
        while name := self.ask(OTHERS, [["postgres", BASE, DEPLOYED]]):
            Databases(self.server).drop(str(name))

    def print_of(self, place: Place) -> tuple[str, str]:
        """The schema and the rows of the application, as one compares them."""
        made = schema_fingerprint(self.server.bin_dir, place.conninfo, None)
        return str(made), str(place.ask(self.application.rows))


@contextmanager
def opened(directory: Path, application: Application) -> Iterator[World]:
    """A world with an application before its deployment."""
    directory.mkdir(parents=True, exist_ok=True)
    made = World(directory, EmbeddedServer.start(directory / "server"), application)
    try:
        made.lay_out()
        yield made
    finally:
        made.server.stop()


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def below(pid: int) -> list[int]:
    """The processes that a process started, and that those started."""
    parents: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        mine = parents.get(waiting.pop(), [])
        found += mine
        waiting += mine
    return found
