"""A client of the application's database that reads and writes `users` all the time, and takes it.

What it measures is the outage that a client sees: the longest time from one answer to the next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import psycopg

from gonogo.interruption import admitted, held

# The same contents again: a user's row is written, and is not counted as changed.
WORK = """
update users set updated_at = updated_at where id = (select id from users order by id limit 1)
returning email"""
PAUSE_S = 0.002
LONGEST_START_S = 10.0


@dataclass(slots=True)
class Client:
    """A client at work.

    Args:
        conninfo: The database.
        answers: When each answer came, by the monotonic clock, in seconds.
        errors: What was answered with an error; there should be none.
    """

    conninfo: str
    answers: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def outage_s(self, began: float, ended: float) -> float:
        """The longest time without an answer that touches a stretch of time, in seconds.

        Args:
            began: Its beginning, by the monotonic clock.
            ended: Its end.
        """
        gaps = pairwise(self.answers)
        return max((end - begin for begin, end in gaps if end > began and begin < ended), default=0)

    def work(self, began: threading.Event, stopping: threading.Event) -> None:
        """Read and write until told to stop.

        Args:
            began: Set with the first answer.
            stopping: Says when to stop.
        """
        with psycopg.connect(self.conninfo, autocommit=True, prepare_threshold=None) as link:
            while not stopping.is_set():
                try:
                    link.execute(WORK)
                    self.answers.append(time.monotonic())
                except psycopg.Error as error:
                    self.errors.append(str(error).splitlines()[0])
                began.set()
                stopping.wait(PAUSE_S)


@contextmanager
def client_at_work(conninfo: str) -> Iterator[Client]:
    """Have a client read and write while the body runs.

    Args:
        conninfo: The database.
    """
    client, began, stopping = Client(conninfo), threading.Event(), threading.Event()
    thread = threading.Thread(target=client.work, args=(began, stopping), name="client")
    # Held: a thread that nobody stops would keep an interrupted rehearsal from ending.
    with held():
        thread.start()
        try:
            with admitted():
                began.wait(LONGEST_START_S)
                yield client
        finally:
            stopping.set()
            thread.join()
