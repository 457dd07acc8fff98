"""A metric in a person's words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gonogo.model.measurement import Count, Measurement
from gonogo.report.answers import Answer, Figure
from gonogo.report.cards import Card, plainly
from record_examples import entry
from records_by_hand import one

SYNCS = entry("a", "Sync success rate", counts="syncs", that="succeeded")
ROLES = {"criterion": "> 90 %", "alert": "warning < 90 %, critical < 80 %", "trigger": "< 70 %"}


def shown(value: str, *, is_missing: bool = False) -> Figure:
    """A value without parts."""
    return Figure("a", "It", value, "", is_missing, (), ())


def asked(limits: dict[str, str], count: Count | None = None) -> Sequence[Answer]:
    """What several checks ask of one metric."""
    measured = Measurement("a", count or Count(102, 2934))
    return [one("a", role=role, limit=limit, measured=measured) for role, limit in limits.items()]


def test_a_rate_reads_as_a_person_would_say_it() -> None:
    """Counted, with what must be, and what each level leads to; no warning that says no more."""
    assert plainly(SYNCS, asked(ROLES), None) == (
        "3.4 % of 2,934 syncs succeeded; more than 90 % must, below 80 % is critical, "
        "below 70 % is a rollback"
    )


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"criterion": "70 % .. 85 %"}, "70 to 85 % must"),
        ({"criterion": "= 100 %"}, "all must"),
        ({"criterion": "= 0 %"}, "none may"),
        ({"criterion": "<= 5 %"}, "at most 5 % must"),
        (
            {"alert": "warning < 95 %, critical < 80 %", "trigger": "< 80 %"},
            "below 95 % is a warning, below 80 % is critical and a rollback",
        ),
        ({"trigger": "> 10 %"}, "above 10 % is a rollback"),
    ],
)
def test_levels_read_as_a_person_would_say_them(limits: dict[str, str], words: str) -> None:
    """Each once."""
    assert plainly(SYNCS, asked(limits), None).partition("; ")[2] == words


def test_what_is_no_share_of_things_says_its_value() -> None:
    """In its unit, and with the limit as it must be."""
    job = entry("a", "A job has run", kind="quantity", unit="h")
    figure = shown("3.4 h")
    found = [one("a", kind="quantity", limit="<= 26 h", measured=Measurement("a"))]
    assert plainly(job, found, figure) == "3.4 h; must be at most 26 h"
    answer = shown("yes")
    found = [one("a", kind="answer", limit="yes", measured=Measurement("a"))]
    assert plainly(entry("a", "It answers", kind="answer"), found, answer) == "yes; must be yes"


def test_what_is_missing_is_not_counted() -> None:
    """The reason stands where the value would."""
    figure = shown("no data: a table is missing", is_missing=True)
    found = asked({"criterion": "> 90 %"})
    assert plainly(SYNCS, found, figure).startswith("no data: a table is missing; more than 90 %")


def test_a_metric_that_is_only_shown_has_no_outcome() -> None:
    """It needs no attention, and no badge."""
    card = Card("a", SYNCS, ())
    assert (card.look, card.is_calm, card.scale) == (None, True, None)
