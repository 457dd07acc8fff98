"""Closes the socket of a server that stopped answering: no timeout of libpq covers that.

A query may take long on a server that is well, so one that does is no reason yet. From time to time
the server is asked for a sign of life over a connection of its own; two in a row that it does not
give are.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

TICK_S = 0.5
PROBE_AFTER_S = 5
PROBES = 2


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
