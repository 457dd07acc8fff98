"""Where a server listens: a Unix socket of its own, or loopback where a path is too long for one.

The socket lies in a directory that only the server's user and root may enter. On loopback anybody
on the machine can knock, so there the superuser has a random password, kept in a passfile.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

SUPERUSER = "postgres"
SOCKET_PORT = 5432
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Args:
        port: The port, which also names the socket.
        socket_dir: Where the socket lies; None on loopback.
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
