"""Ends the connections to a server that has fallen silent: a rollout waits long, but for somebody.

A statement may take its time on a server that is well: from time to time the server is asked for a
sign of life over a connection of its own. One that gives none twice in a row is given up, and with
it every connection that this process has to it, so that nobody waits for it once more.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from gonogo.postgres.connection import is_silent
from gonogo.postgres.settings import DatabaseSettings
from gonogo.postgres.watchdog import PROBE_AFTER_S, PROBES, TICK_S, shut

Connection = psycopg.Connection[Any]

WATCHED: weakref.WeakKeyDictionary[Connection, str] = weakref.WeakKeyDictionary()
LOCK = threading.Lock()


def watch(connection: Connection, settings: DatabaseSettings) -> None:
    """Watch a connection, in a thread of its own, until it is closed or forgotten.

    Args:
        connection: Which; it is not kept alive.
        settings: What it was opened by.
    """
    with LOCK:
        WATCHED[connection] = _place(settings)
    told = (weakref.ref(connection), settings)
    threading.Thread(target=_watch, args=told, name="gonogo sentinel", daemon=True).start()


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


def _watch(watched: weakref.ref[Connection], settings: DatabaseSettings) -> None:
    ask_at, pause = 0.0, threading.Event()
    while not pause.wait(TICK_S):
        connection = watched()
        if connection is None or connection.closed:
            return
        now = time.monotonic()
        if connection.info.transaction_status is not TransactionStatus.ACTIVE:
            ask_at = now + PROBE_AFTER_S
        # Not held while it is asked: whoever forgets it meanwhile is not to wait.
        del connection
        if now >= ask_at:
            if gone(settings):
                return
            ask_at = time.monotonic() + PROBE_AFTER_S


def _place(settings: DatabaseSettings) -> str:
    """Which server is meant, as far as the connection string says."""
    given = conninfo_to_dict(settings.conninfo)
    return f"{given.get('host', '')}:{given.get('port', '')}"
