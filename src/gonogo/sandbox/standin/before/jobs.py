"""The job runner. `ctl.py jobs start` runs it; each job runs at the start, then at its interval.

`python jobs.py fast-forward START END` runs, at once, all that is due between two ISO 8601 moments.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import work
from daemon import Claim, DaemonError
from database import connect
from schedule import Job, runs_between

TICK_S = 0.5
FAST_FORWARD = "fast-forward"


def run(job: Job, moment: datetime) -> None:
    """Run a job as of `moment`, and report how it went."""
    began = time.monotonic()
    error = None
    try:
        with connect() as connection:
            connection.execute(job.statement, {"now": moment})
    except psycopg.Error as failure:
        error = type(failure).__name__
    finished = moment + timedelta(seconds=time.monotonic() - began)
    sys.stdout.write(f"{moment.isoformat()} {job.name} {error or 'succeeded'}\n")
    work.report(job.name, moment, finished, error)


def run_forever(claim: Claim, stopped: threading.Event) -> None:
    """Run what is due until stopped or the run directory is gone."""
    due = dict.fromkeys(work.JOBS, datetime.now(UTC))
    while claim.held() and not stopped.is_set():
        moment = datetime.now(UTC)
        for job in [job for job, at in due.items() if at <= moment]:
            run(job, moment)
            due[job] = moment + job.every
        stopped.wait(TICK_S)


def main() -> None:
    """Serve as the runner, or fast-forward."""
    if sys.argv[1:2] == [FAST_FORWARD]:
        start, end = map(datetime.fromisoformat, sys.argv[2:4])
        for moment, job in runs_between(work.JOBS, start, end):
            run(job, moment)
        return
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        claim = Claim.take(Path(os.environ["APP_RUN_DIR"]), "jobs")
    except DaemonError as error:
        sys.exit(str(error))
    claim.ready()
    run_forever(claim, stopped)


if __name__ == "__main__":
    main()
