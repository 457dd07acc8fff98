"""Gives up a server that stopped answering: no timeout of libpq covers that.

A statement may run long on a healthy server, so a slow one is no reason yet. From time to time the
server is asked for a sign of life over a connection of its own; when it gives none twice in a row,
the sockets of the connections to it are shut down, and whoever waits has an error at once.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import weakref
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from gonogo.errors import DatabaseError
from gonogo.postgres.dsn import CONNECT_TIMEOUT_S, DatabaseSettings, bounded

TICK_S = 0.5
PROBE_AFTER_S = 5
PROBES = 2
Watched = psycopg.Connection[Any]
WATCHED: weakref.WeakKeyDictionary[Watched, str] = weakref.WeakKeyDictionary()
LOCK = threading.Lock()


def shut(descriptor: int) -> None:
    """Shut a socket down: whoever waits for what it brings has an error at once.

    Args:
        descriptor: The socket's; its owner closes it.
    """
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as peer:
        peer.shutdown(socket.SHUT_RDWR)


def watch(connection: Watched, settings: DatabaseSettings) -> None:
    """Watch a connection, in a thread of its own, until it is closed or forgotten.

    Args:
        connection: The connection; it is not kept alive.
        settings: What it was opened with.
    """
    with LOCK:
        WATCHED[connection] = _place(settings)
    watched = (weakref.ref(connection), settings)
    threading.Thread(
        target=_until_closed, args=watched, name="gonogo sentinel", daemon=True
    ).start()


def gone(settings: DatabaseSettings) -> bool:
    """Whether a server has fallen silent; then whoever waits for it has an error at once.

    Args:
        settings: How to reach it.
    """
    if not all(is_silent(settings) for _ in range(PROBES)):
        return False
    place = _place(settings)
    with LOCK:
        silent = [connection for connection, where in WATCHED.items() if where == place]
    for connection in silent:
        if not connection.closed:
            shut(connection.fileno())
    return True


def _until_closed(watched: weakref.ref[Watched], settings: DatabaseSettings) -> None:
    ask_at, pause = 0.0, threading.Event()
    while not pause.wait(TICK_S):
        connection = watched()
        if connection is None or connection.closed:
            return
        now = time.monotonic()
        if connection.info.transaction_status is not TransactionStatus.ACTIVE:
            ask_at = now + PROBE_AFTER_S
        # Not held while the server is asked: whoever drops the connection meanwhile need not wait.
        del connection
        if now >= ask_at:
            if gone(settings):
                return
            ask_at = time.monotonic() + PROBE_AFTER_S


def _place(settings: DatabaseSettings) -> str:
    """Which server is meant, as far as the connection string says."""
    given = conninfo_to_dict(settings.conninfo)
    return f"{given.get('host', '')}:{given.get('port', '')}"


@dataclass(slots=True)
class Vigil:
    """Watches the server that a client tool waits for: the tool itself would wait for ever.

    Args:
        database: Where the tool connects.
    """

    database: DatabaseSettings
    _ask_at: float = field(default_factory=lambda: time.monotonic() + PROBE_AFTER_S, init=False)

    def tick(self) -> None:
        """Ask the server for a sign of life, when it is time to.

        Raises:
            DatabaseError: The server gave no sign of life, twice in a row.
        """
        if time.monotonic() < self._ask_at:
            return
        if gone(self.database):
            raise DatabaseError("the database stopped answering")
        self._ask_at = time.monotonic() + PROBE_AFTER_S


def is_silent(settings: DatabaseSettings) -> bool:
    """Whether a server does not answer a new connection; one that refuses has answered.

    Args:
        settings: Which database.
    """
    conninfo = make_conninfo(bounded(settings.conninfo), connect_timeout=CONNECT_TIMEOUT_S)
    try:
        psycopg.connect(conninfo, application_name="gonogo probe").close()
    except psycopg.errors.ConnectionTimeout:
        return True
    except psycopg.Error:
        return False
    return False
