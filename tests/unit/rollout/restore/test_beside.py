"""What becomes of what is no row, in lines for a person."""

from __future__ import annotations

from gonogo.rollout.restore.beside import Beside


def test_what_stays_behind_is_named_with_what_to_do() -> None:
    """Slots and subscriptions belong to the old database."""
    lines = list(Beside(slots=("audit",), subscriptions=("news",)).lines)
    assert lines == [
        "STAYS WITH THE OLD DATABASE  the logical slot audit: make it anew",
        "STAYS WITH THE OLD DATABASE  the subscription news: disable it, make it anew",
    ]


def test_what_is_copied_is_counted() -> None:
    """Settings and grants of the database, and sequences."""
    assert list(Beside(2, settings=3, grants=1).lines) == [
        "2 sequences go on where they are",
        "3 settings and 1 grants of the database are copied",
    ]


def test_nothing_is_said_of_what_there_is_none() -> None:
    """A database of rows alone has no further line."""
    assert list(Beside().lines) == []
