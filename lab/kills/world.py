"""A server, a stand-in application and a command line, made for one kill each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gonogo.errors import SandboxError
from gonogo.ledger import installation
from gonogo.postgres import session
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.sandbox import surroundings, world
from gonogo.sandbox.checkout import copy_project
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.surroundings import Repository

ROOT = Path(__file__).parents[2]
# The ledger's triggers that let a deployer wait where a row of it is written.
PAUSING = ROOT / "tests" / "faults" / "pausing.sql"
ROLLOUT = ROOT / "src" / "gonogo" / "sandbox" / "rollout.toml"
BASE, DEPLOYED = "killed_base", "killed_deployed"
ANSWERS_WITHIN_S = 5.0
RECOVERS_WITHIN_S = 30.0
# Every column that was there before the deployment and that it may not touch.
ROWS = (
    "select md5(string_agg(row(id, email, password_hash, name, google_id, role, auth_provider,"
    " created_at)::text, ';' order by id)) from users"
)


@dataclass
class Place:
    """A checkout with an application and a database, in which one procedure is killed.

    Args:
        root: The checkout.
        conninfo: The application's database.
        repository: The application's two revisions.
        environ: The session's variables.
    """

    root: Path
    conninfo: str
    repository: Repository
    environ: dict[str, str] = field(repr=False)

    @property
    def deployment(self) -> tuple[str, ...]:
        """The words that deploy the new revision to staging."""
        return ("deploy", "staging", "--revision", self.repository.after, "--backup-check", "read")

    @property
    def undoing(self) -> tuple[str, ...]:
        """The words that roll it back."""
        return ("rollback", "--yes-roll-back", str(self.ask("select current_database()")))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command of gonogo's."""
        return subprocess.Popen(
            [sys.executable, "-m", "gonogo", *words],
            cwd=self.root,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        """Run a command of gonogo's to its end; its exit code, and all that it says."""
        started = self.start(*words)
        said, _ = started.communicate(timeout=300)
        return started.returncode, said

    def control(self, *words: str) -> None:
        """Start or stop the application, or its jobs, by its own program."""
        argv = [sys.executable, "ctl.py", *words]
        subprocess.run(
            argv, cwd=self.repository.path, env=self.environ, capture_output=True, check=True
        )

    def ask(self, query: str, parameters: Sequence[object] = ()) -> object:
        """The first column of the first row of a query, or None."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            row = connection.execute(query.encode(), parameters or None).fetchone()
        return row[0] if row else None

    def serving(self) -> str:
        """The revision that answers; empty where nobody does."""
        address = f"{self.environ['WEBHOOK_BASE_URL']}/health"
        with suppress(httpx.HTTPError, ValueError):
            answer = httpx.get(address, timeout=ANSWERS_WITHIN_S, trust_env=False)
            return str(answer.json()["revision"]) if answer.is_success else ""
        return ""


@dataclass
class World:
    """A server of one's own, which may be killed as well.

    Args:
        directory: Where everything lies.
        server: The server.
        prints: Schema and rows before a deployment, and after it.
        lasts_s: How long each procedure takes that nobody kills.
    """

    directory: Path
    server: EmbeddedServer
    prints: dict[str, tuple[str, str]] = field(default_factory=dict)
    lasts_s: dict[str, float] = field(default_factory=dict)

    @property
    def databases(self) -> Databases:
        """The server's databases."""
        return Databases(self.server)

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

    def wait_until_up(self) -> None:
        """Wait until the server has recovered."""
        patiently = Retrying(
            retry=retry_if_exception_type(psycopg.OperationalError),
            wait=wait_fixed(0.05),
            stop=stop_after_delay(RECOVERS_WITHIN_S),
            reraise=True,
        )
        patiently(psycopg.connect, self.server.conninfo()).close()

    @contextmanager
    def place(self, name: str, template: str) -> Iterator[Place]:
        """A place of its own, whose application runs; everything of it goes afterwards."""
        root = copy_project(ROOT, self.directory / name)
        conninfo = self.databases.create(name, template)
        repository = surroundings.create_repository(root)
        place = Place(root, conninfo, repository, surroundings.sandbox_environment(root, conninfo))
        admin = place.ask("select min(email) from users")
        text = ROLLOUT.read_text("utf-8").replace("admins = []", f'admins = ["{admin}"]', 1)
        (root / "rollout.toml").write_text(text, "utf-8")
        if template == DEPLOYED:
            words = ("git", "checkout", "--quiet", "--detach", repository.after)
            subprocess.run(words, cwd=repository.path, check=True)
        try:
            place.control("service", "start")
            place.control("jobs", "start")
            yield place
        finally:
            surroundings.stop_everything(root)
            self.databases.drop(name)

    def print_of(self, place: Place) -> tuple[str, str]:
        """The schema and the rows of the application, as one compares them."""
        made = schema_fingerprint(self.server.bin_dir, place.conninfo, None)
        return str(made), str(place.ask(ROWS))

    def build_base(self, conninfo: str) -> None:
        """Fill a database as it is before a deployment, whose ledger can make a deployer wait."""
        with session.connect(conninfo) as connection:
            world.create_base(connection, users=60)
            installation.install(connection)
            connection.execute(PAUSING.read_bytes())


@contextmanager
def opened(directory: Path) -> Iterator[World]:
    """A world in which both procedures came to their end once, as those that are killed must.

    Raises:
        RuntimeError: One of them did not.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = World(directory, EmbeddedServer.start(directory / "server"))
    try:
        made.databases.ensure_template(BASE, made.build_base)
        with made.place("unkilled", BASE) as place:
            made.prints["rollback"] = made.print_of(place)
            _ended_well(made, "deploy", place, place.deployment)
            made.prints["deploy"] = made.print_of(place)
            # A database that anybody is connected to cannot be copied.
            place.control("jobs", "stop")
            place.control("service", "stop")
            made.databases.create(DEPLOYED, str(place.ask("select current_database()")))
            place.control("service", "start")
            place.control("jobs", "start")
            _ended_well(made, "rollback", place, place.undoing)
            yield made
    finally:
        made.server.stop()


def _ended_well(made: World, procedure: str, place: Place, words: tuple[str, ...]) -> None:
    began = time.monotonic()
    code, said = place.run(*words)
    made.lasts_s[procedure] = time.monotonic() - began
    if code:
        raise RuntimeError(said)


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
