"""PgBouncer in front of a server, as an application has it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gonogo.sandbox.privileges import account_for, command, private_directory
from waiting import until

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listening}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 100
{further}
"""


@contextmanager
def pooled(
    conninfo: str, mode: str = "transaction", size: int = 20, further: str = ""
) -> Iterator[str]:
    """The connection string of a database through PgBouncer.

    Args:
        conninfo: The server's own.
        mode: session, transaction or statement.
        size: How many connections of the server it shares.
        further: One more line of its configuration.
    """
    # Debian keeps it where only root's PATH leads.
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    named = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    # It refuses root, and only who runs the server may reach the server's socket.
    sockets = Path(named["host"])
    account = account_for(sockets)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        listening = str(free.getsockname()[1])
    through = {
        "host": "127.0.0.1",
        "port": listening,
        "user": named["user"],
        "dbname": named["dbname"],
    }
    with TemporaryDirectory(prefix="gonogo-pooler-") as place:
        directory = Path(place)
        file = directory / "pgbouncer.ini"
        file.write_text(
            CONFIGURATION.format(
                **named, listening=listening, mode=mode, size=size, further=further
            )
        )
        private_directory(directory, account)
        argv = command([program, str(file)], account, sockets, parent_death=signal.SIGKILL)
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(argv, cwd=directory, stdout=log, stderr=log)
        try:
            made = make_conninfo("", **through, sslmode="disable", gssencmode="disable")
            until(lambda: _answers(made))
            yield made
        finally:
            process.kill()
            process.wait()


def _answers(conninfo: str) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(conninfo, connect_timeout=5).close()
        return True
    return False
