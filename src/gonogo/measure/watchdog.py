"""Closes the socket of a server that stopped answering: no timeout of libpq covers that."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

TICK_S = 0.5


class Watchdog:
    """Watches one connection; one thread, however many queries are asked.

    Args:
        descriptor: The connection's socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._deadline: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gonogo watchdog", daemon=True)

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Shut the socket down when the body takes longer than `seconds`."""
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
            if deadline is not None and time.monotonic() > deadline:
                self._shut()
                return

    def _shut(self) -> None:
        with (
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(self._descriptor)) as peer,
        ):
            peer.shutdown(socket.SHUT_RDWR)
