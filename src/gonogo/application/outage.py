"""Measures an outage as a client sees it: from the first refusal to the next answer."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from gonogo.application.identity import State, state_of

PAUSE_S = 0.05
REQUEST_TIMEOUT_S = 2.0
ENDS_WITHIN_S = 5.0


@dataclass(slots=True)
class Watch:
    """Asks an address again and again until it is ended, in a thread of its own.

    Args:
        address: A base URL.
        path: What is asked below it.
        outage_s: Seconds without an answer so far, outages that have ended.
        refused_at: When the outage began that goes on, by the monotonic clock; None while it
            answers.
    """

    address: str
    path: str
    outage_s: float = 0.0
    refused_at: float | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @classmethod
    def begin(cls, address: str, path: str) -> Watch:
        """Watch from now on.

        Args:
            address: A base URL.
            path: What is asked below it.
        """
        watch = cls(address, path)
        watch._thread = threading.Thread(target=watch._ask_on, name="outage", daemon=True)
        watch._thread.start()
        return watch

    def end(self) -> float | None:
        """Stop asking; the seconds without an answer, None where an outage goes on."""
        self._over.set()
        if self._thread:
            self._thread.join(ENDS_WITHIN_S)
            if self.refused_at is not None:
                # It may answer since the last question.
                self._ask()
        return None if self.refused_at is not None else round(self.outage_s, 3)

    def _ask_on(self) -> None:
        while not self._over.is_set():
            self._ask()
            self._over.wait(PAUSE_S)

    def _ask(self) -> None:
        asked_at = time.monotonic()
        state, _ = state_of(self.address, self.path, timeout_s=REQUEST_TIMEOUT_S)
        self.note(asked_at, time.monotonic(), state)

    def note(self, asked_at: float, heard_at: float, state: State) -> None:
        """Count one answer, or the want of one.

        Args:
            asked_at: When the request was sent, by the monotonic clock.
            heard_at: When its answer came, or was given up.
            state: Whether it was answered.
        """
        if state is not State.ANSWERS:
            self.refused_at = self.refused_at or asked_at
        elif self.refused_at is not None:
            self.outage_s += heard_at - self.refused_at
            self.refused_at = None
