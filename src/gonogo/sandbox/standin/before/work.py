"""The jobs before the sync optimization."""

from __future__ import annotations

from datetime import datetime, timedelta

from schedule import Job

JOBS = (
    Job(
        "token_expiry_count",
        timedelta(days=1),
        "select count(*) from oauth_tokens where expires_at < %(now)s",
    ),
)


def report(name: str, started: datetime, finished: datetime, error: str | None) -> None:
    """Nobody takes reports yet; the log has them."""
