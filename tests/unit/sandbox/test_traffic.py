"""What traffic refuses before it touches a database."""

from datetime import UTC, datetime, timedelta

import pytest

from gonogo.errors import UsageError
from gonogo.sandbox.traffic import Traffic

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (START, START + timedelta(minutes=59), 100),
        (START, START - timedelta(days=1), 100),
        (START, START + timedelta(days=1), -1),
        (START.replace(tzinfo=None), START + timedelta(days=1), 100),
    ],
)
def test_impossible_traffic_is_refused(start: datetime, end: datetime, rows: int) -> None:
    """Traffic shorter than an hour, backwards, of less than no row or of no zone is an error."""
    with pytest.raises(UsageError):
        Traffic(start, end, rows)
