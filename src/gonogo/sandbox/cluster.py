"""The data directory: made by ``initdb`` in one piece, used again by the runs that follow.

It is made beside its place and renamed, so that a run killed on the way leaves nothing half done.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import SandboxError
from gonogo.sandbox.address import SUPERUSER, passfile_of
from gonogo.sandbox.privileges import Account, command, private_directory, remove_tree
from gonogo.sandbox.unprivileged import REFUSED

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
        said: What it logged: the last fatal line tells, else the last line.
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
