"""The jobs with the sync optimization. Each run is reported to the ledger when there is one."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import psycopg
from database import connect
from schedule import Job

JOBS = (
    Job(
        "token_refresh",
        timedelta(days=1),
        """
        update token_health
        set last_checked = %(now)s, updated_at = %(now)s,
            status = case
                when status = 'valid' and expiry_date < %(now)s + interval '1 day'
                    then 'expiring_soon'
                else status
            end
        """,
    ),
    Job(
        "webhook_renewal",
        timedelta(days=1),
        """
        update calendar_webhook_subscriptions
        set expiration = %(now)s + interval '7 days', updated_at = %(now)s
        where expiration < %(now)s + interval '1 day'
        """,
    ),
    Job(
        "webhook_health_check",
        timedelta(hours=12),
        """
        update calendar_webhook_subscriptions
        set updated_at = %(now)s
        where expiration > %(now)s
        """,
    ),
    Job(
        "notification_reminder",
        timedelta(days=1),
        """
        update token_health_notifications
        set reminder_sent_at = %(now)s, updated_at = %(now)s
        where resolved_at is null and reminder_sent_at is null
            and created_at <= %(now)s - interval '7 days'
        """,
    ),
    Job(
        "adaptive_sync",
        timedelta(hours=12),
        """
        with due as (
            update sync_schedule
            set last_sync_at = %(now)s, updated_at = %(now)s,
                next_sync_at = %(now)s + current_frequency_ms * interval '1 millisecond'
            where next_sync_at <= %(now)s
            returning user_id, integration_type
        )
        insert into sync_metrics (user_id, integration_type, sync_type, result, duration_ms,
            items_processed, api_calls_made, api_calls_saved, created_at)
        select user_id, integration_type, 'incremental', 'success', 350, 1, 1, 0, %(now)s
        from due
        """,
    ),
)
LEDGER = "select to_regclass('gonogo.job_run') is not null as present"
REPORT = """
insert into gonogo.job_run (job_name, started_at, finished_at, succeeded, error)
values (%(name)s, %(started)s, %(finished)s, %(succeeded)s, %(error)s)
"""


def report(name: str, started: datetime, finished: datetime, error: str | None) -> None:
    """Write one row into ``gonogo.job_run``; a run that cannot be reported has run all the same."""
    row = {
        "name": name,
        "started": started,
        "finished": finished,
        "succeeded": error is None,
        "error": error,
    }
    try:
        with connect() as connection:
            ledger = connection.execute(LEDGER).fetchone()
            if ledger and ledger["present"]:
                connection.execute(REPORT, row)
    except psycopg.Error as failure:
        sys.stdout.write(f"{name} could not be reported: {type(failure).__name__}\n")
