"""Surveys that answer, but not in the form that a survey has: no data, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.measure import surveys
from gonogo.measure.surveys import Survey, Table
from gonogo.model.kinds import Says
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners
from gonogo.postgres.snapshot import in_snapshot

END = datetime(2026, 11, 23, tzinfo=UTC)
SLICE = (END - timedelta(hours=2), END)


def asked(conninfo: str, query: str) -> Table:
    """What one slice of two hours brings."""
    survey = Survey("odd", query)
    settings = DatabaseSettings(conninfo, "the test")
    return in_snapshot(
        settings, Manners(), lambda session: surveys.run(session, survey, {}, (SLICE,))
    )


@pytest.mark.parametrize("number", ["0", "-1", "3", "null", "'1'", "1.0"])
def test_an_hour_that_the_slice_does_not_have_is_no_data(
    new_database: Callable[..., str], number: str
) -> None:
    """Its count must not pass for that of another hour."""
    query = f"select {number} as hour_no, 1 as n where %(slice_start)s::timestamp is not null"
    missing = asked(new_database(), query).missing
    assert missing is not None
    assert (missing.says, missing.subject) == (Says.BAD_VALUE, "odd")
    assert missing.detail.endswith("and the slice has hours 1 to 2")


def test_a_sliced_survey_without_hours_is_no_data(new_database: Callable[..., str]) -> None:
    """The column that is missing is named."""
    query = "select 1 as n where %(slice_start)s::timestamp is not null"
    missing = asked(new_database(), query).missing
    assert missing is not None
    assert (missing.says, missing.detail) == (Says.NO_COLUMN, "'hour_no'")


def test_a_query_that_the_server_would_read_in_part_is_not_asked(
    new_database: Callable[..., str],
) -> None:
    """What stands behind a NUL would be ignored, and another question answered."""
    query = "select 1 as hour_no, 1 as n\0 where %(slice_start)s::timestamp is null"
    missing = asked(new_database(), query).missing
    assert missing is not None
    assert missing.detail == "holds a NUL character"
