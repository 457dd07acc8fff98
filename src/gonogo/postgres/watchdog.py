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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from gonogo.errors import DatabaseError
from gonogo.postgres.dsn import DatabaseSettings

TICK_S = 0.5
PROBE_AFTER_S = 5
PROBES = 2
CONNECT_TIMEOUT_S = 5
# Set together: each alone leaves a way for a half-open connection to hang.
KEEPALIVES: Mapping[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

Watched = psycopg.Connection[Any]
WATCHED: weakref.WeakKeyDictionary[Watched, str] = weakref.WeakKeyDictionary()
LOCK = threading.Lock()


class Watchdog:
    """Watches one connection; one thread, however many queries are asked.

    Args:
        descriptor: The connection's socket.
        is_silent: Whether the server gives no sign of life; takes a few seconds to find out.
    """

    def __init__(self, descriptor: int, is_silent: Callable[[], bool] = lambda: False) -> None:
        self._descriptor = descriptor
        self._is_silent = is_silent
        self._deadline: float | None = None
        self._probe_at = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gonogo watchdog", daemon=True)

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Shut the socket down when the body takes longer than `seconds`, or nobody is there."""
        self._probe_at = time.monotonic() + PROBE_AFTER_S
        self._deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(TICK_S):
            deadline = self._deadline
            if deadline is not None and self._is_over(deadline):
                shut(self._descriptor)
                return

    def _is_over(self, deadline: float) -> bool:
        now = time.monotonic()
        if now > deadline or now < self._probe_at:
            return now > deadline
        silent = all(self._is_silent() for _ in range(PROBES))
        self._probe_at = time.monotonic() + PROBE_AFTER_S
        # It may have answered meanwhile, and be asked something else.
        return silent and self._deadline == deadline


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
    parameters = link_parameters(settings) | {"connect_timeout": CONNECT_TIMEOUT_S}
    try:
        psycopg.connect(settings.conninfo, **parameters, application_name="gonogo probe").close()
    except psycopg.errors.ConnectionTimeout:
        return True
    except psycopg.Error:
        return False
    return False


def link_parameters(settings: DatabaseSettings) -> dict[str, Any]:
    """Time limits of a connection, unless the connection string sets them itself."""
    given = conninfo_to_dict(settings.conninfo)
    defaults = {"connect_timeout": CONNECT_TIMEOUT_S, **KEEPALIVES}
    return {name: value for name, value in defaults.items() if name not in given}
