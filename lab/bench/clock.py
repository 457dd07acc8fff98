"""A pytest plugin (``-p lab.bench.clock``): how long a gate's run waited for SQL and its record.

SQL is the time in which at least one query was under way, on whichever session; connecting is not
left out. It prints one line of JSON at the end.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gonogo.gate.run import GateRun
from gonogo.postgres.readonly import Session

OUT = "GONOGO_BENCH_CLOCK"


@dataclass(slots=True)
class Stopwatch:
    """Runs while at least one call that it watches is under way."""

    seconds: float = 0.0
    _running: int = 0
    _since: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def watch(self, owner: type, name: str) -> None:
        """Have the method `name` of `owner` run under this watch."""
        method: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(method)
        def watched(*args: object, **kwargs: object) -> object:
            self._count(1)
            try:
                return method(*args, **kwargs)
            finally:
                self._count(-1)

        setattr(owner, name, watched)

    def _count(self, step: int) -> None:
        with self._lock:
            now = time.perf_counter()
            if self._running:
                self.seconds += now - self._since
            self._running += step
            self._since = now


SQL, RECORD = Stopwatch(), Stopwatch()
SQL.watch(Session, "ask")
RECORD.watch(GateRun, "open_record")
RECORD.watch(GateRun, "close")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Write both times to the file that the environment names."""
    seconds = {"sql_s": SQL.seconds, "record_s": RECORD.seconds}
    Path(os.environ[OUT]).write_text(json.dumps(seconds), encoding="ascii")
