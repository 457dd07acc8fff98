"""Work shared out over the sessions of one snapshot: each takes the next job as soon as it is free.

Whatever can be done side by side lies in the database: a thread here only waits for its answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from gonogo.postgres.reading import Session

Job = Callable[[Session], None]


def share_out(sessions: Sequence[Session], jobs: Iterable[Job]) -> None:
    """Do every job, each on one session; the caller's thread works too.

    A session that is lost takes no further job: what none is left to do, is not done.

    Args:
        sessions: Of one snapshot, the caller's own first.
        jobs: In the order in which they are begun; the longest first keep all busy to the end.

    Raises:
        Exception: What a job raised. The others end what they are at, and begin nothing more.
    """
    own, *others = sessions
    waiting = deque(jobs)
    if not others:
        _work(own, waiting)
        return
    with ThreadPoolExecutor(len(others), "gonogo survey") as threads:
        working = [threads.submit(_work, session, waiting) for session in others]
        try:
            _work(own, waiting)
        except BaseException:
            for session in others:
                session.cancel()
            raise
    for ended in working:
        ended.result()


def _work(session: Session, waiting: deque[Job]) -> None:
    while not session.lost:
        try:
            job = waiting.popleft()
        except IndexError:
            return
        try:
            job(session)
        except BaseException:
            waiting.clear()
            raise
