"""Runs of the application's background jobs, as its job wrapper reports them to the ledger."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import class_row

from gonogo.database.session import Connection, asking
from gonogo.ledger.rows import JobRun


@asking("the job's run could not be recorded")
def record_job_run(
    connection: Connection,
    job_name: str,
    started_at: datetime,
    finished_at: datetime,
    error: str | None = None,
) -> None:
    """Report one run.

    Args:
        connection: In autocommit.
        job_name: The job.
        started_at: When it began; timezone-aware.
        finished_at: When it ended; timezone-aware.
        error: Why it failed; None when it succeeded.
    """
    connection.execute(
        """
        insert into gonogo.job_run (job_name, started_at, finished_at, succeeded, error)
        values (%s, %s, %s, %s, %s)""",
        (job_name, started_at, finished_at, error is None, error),
    )


@asking("the job's runs could not be read")
def job_runs(connection: Connection, job_name: str) -> tuple[JobRun, ...]:
    """The runs of a job, newest first."""
    with connection.cursor(row_factory=class_row(JobRun)) as cursor:
        cursor.execute(
            """
            select id, job_name, started_at, finished_at, succeeded, error
            from gonogo.job_run where job_name = %s
            order by started_at desc""",
            (job_name,),
        )
        return tuple(cursor)
