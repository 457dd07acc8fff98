"""The files of an embedded server, and the address that it listens on.

The data directory is made by ``initdb`` beside its place and renamed, so that a run that is killed
leaves nothing half done; later runs use it again. The server listens on a Unix socket in a
directory that only its user and root may enter, or on loopback where the path is too long for a
socket. There anybody on the machine can knock, so the superuser has a random password, kept in a
passfile.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from gonogo.errors import SandboxError
from gonogo.sandbox.privileges import Account, command, private_directory, remove_tree
from gonogo.sandbox.unprivileged import REFUSED

SUPERUSER = "postgres"
SOCKET_PORT = 5432
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_000)
INITDB = (
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    "--locale=C",
    # The socket lies in a directory that is ours alone, which is what makes trust safe.
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
    "--no-sync",
    "--no-instructions",
)
# What an older initdb does not know, by the major version that brought it.
INITDB_SINCE = {
    17: ("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    18: ("--no-data-checksums",),
}
# Nothing of the user's environment reaches the server: no PG*, no secrets, no locale.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """The files of one server.

    Args:
        directory: Where all of them lie; absolute.
        bin_dir: PostgreSQL's programs.
        account: Who runs them; None for the user who asks.
    """

    directory: Path
    bin_dir: Path
    account: Account | None

    @property
    def data(self) -> Path:
        """The data directory."""
        return data_of(self.directory)

    @property
    def major(self) -> int:
        """The major version of PostgreSQL's programs."""
        return int(server_version(self.bin_dir).split(".")[0])

    def prepare(self) -> None:
        """Make the data directory, unless one of the same major version is there.

        Raises:
            SandboxError: ``initdb`` failed, or the directory belongs to somebody else.
        """
        if self._is_current():
            return
        remove_tree(self.data)
        fresh = self.directory / "data.new"
        remove_tree(fresh)
        private_directory(fresh, self.account)
        self._initdb(fresh)
        fresh.rename(self.data)

    def clear_socket(self, socket_dir: Path | None) -> None:
        """Make `socket_dir` anew, without what a killed server left in it.

        A stale socket's lock file names a pid that may be another program's by now.
        """
        if socket_dir:
            remove_tree(socket_dir)
            private_directory(socket_dir, self.account)

    def _is_current(self) -> bool:
        try:
            made_by = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return False
        return made_by == str(self.major)

    def _initdb(self, fresh: Path) -> None:
        password = secrets.token_urlsafe(24)
        # initdb wants the bare password, readable by its own user; libpq wants its own format.
        bare = self.directory / "password"
        _write_secret(bare, password)
        if self.account:
            os.chown(bare, self.account.uid, self.account.gid)
        finished = subprocess.run(
            command(
                self._initdb_words(bare, fresh), self.account, fresh, parent_death=signal.SIGTERM
            ),
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        bare.unlink()
        if finished.returncode:
            raise failure(f"initdb in {self.directory}", finished.returncode, finished.stderr)
        _write_secret(passfile_of(self.directory), f"*:*:*:{SUPERUSER}:{password}\n")

    def _initdb_words(self, password_file: Path, fresh: Path) -> list[str]:
        newer = [
            word for since, words in INITDB_SINCE.items() if self.major >= since for word in words
        ]
        where = (f"--pwfile={password_file}", "--pgdata", str(fresh))
        return [str(self.bin_dir / "initdb"), *INITDB, *newer, *where]


def data_of(directory: Path) -> Path:
    """The data directory of the server in `directory`."""
    return directory / "data"


def server_version(bin_dir: Path) -> str:
    """What ``postgres --version`` answers, as in ``18.6``.

    Raises:
        SandboxError: It cannot be run.
    """
    try:
        answer = subprocess.run(
            [bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError(
            f"{bin_dir / 'postgres'} cannot be run", "install gonogo[sandbox] anew"
        ) from error
    # Distributions put a name of their own behind the version.
    return answer.stdout.removeprefix("postgres (PostgreSQL) ").split()[0]


def failure(what: str, code: int, said: str, remedy: str = "") -> SandboxError:
    """Say in one line why a program of PostgreSQL's ended.

    Args:
        what: Which program, and where.
        code: Its exit code.
        said: What it logged: the last fatal line is quoted, else the last line.
        remedy: What to do, unless what it logged says so.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line or "error:" in line]
    last = (fatal or lines or [f"exit code {code}, and no word"])[-1]
    if code == REFUSED:
        return SandboxError(*last.split("; ", 1))
    return SandboxError(f"{what} failed: {last}", remedy)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Args:
        port: The port, which also names the socket.
        socket_dir: The socket's directory; None on loopback.
        passfile: Where libpq finds the password that loopback asks for.
    """

    port: int
    socket_dir: Path | None
    passfile: Path

    @classmethod
    def choose(cls, directory: Path) -> Address:
        """Choose where a server listens whose files lie in `directory`, an absolute path."""
        socket_dir = directory / "socket"
        socket_path = socket_dir / f".s.PGSQL.{SOCKET_PORT}"
        fits = len(os.fsencode(socket_path)) <= SOCKET_PATH_BYTES
        # libpq reads a comma in a host as the start of another host.
        if fits and "," not in str(socket_path):
            return cls(SOCKET_PORT, socket_dir, passfile_of(directory))
        return cls(free_port(), None, passfile_of(directory))

    def settings(self) -> dict[str, str]:
        """PostgreSQL's settings that make it listen here and nowhere else."""
        quoted = str(self.socket_dir).replace('"', '""') if self.socket_dir else ""
        return {
            "port": str(self.port),
            "listen_addresses": "" if self.socket_dir else LOOPBACK,
            "unix_socket_directories": f'"{quoted}"' if quoted else "",
        }

    def conninfo(self, database: str) -> str:
        """The connection string of `database` for the superuser; it holds no secret.

        What it leaves empty on purpose is what the user's environment (``PGHOSTADDR``,
        ``PGPASSWORD``) could otherwise fill in, and so lead to another server.
        """
        names = {"dbname": database, "user": SUPERUSER, "port": str(self.port), "hostaddr": ""}
        if self.socket_dir:
            return make_conninfo("", host=str(self.socket_dir), **names)
        names |= {"passfile": str(self.passfile), "password": ""}
        return make_conninfo("", host=LOOPBACK, sslmode="disable", gssencmode="disable", **names)


def passfile_of(directory: Path) -> Path:
    """Where the password of the server in `directory` is kept."""
    return directory / "passfile"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, and that no connection takes meanwhile.

    Those that a system gives away by itself lie above these: one of them could be somebody's before
    the server that it was chosen for is up.
    """
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
