"""Which change of a column's type may lose a value."""

from __future__ import annotations

import pytest

from gonogo.rollout.migrations.surface import narrows

WIDENED = [
    ("integer", "bigint"),
    ("smallint", "numeric"),
    ("real", "double precision"),
    ("character varying(20)", "character varying(21)"),
    ("character varying(20)", "character varying"),
    ("character varying", "text"),
    ("text", "character varying"),
    ("character(3)", "text"),
    ("numeric(10,2)", "numeric(12,4)"),
    ("numeric(10,2)", "numeric"),
    ("timestamp(3) without time zone", "timestamp(6) without time zone"),
    ("timestamp(3) with time zone", "timestamp with time zone"),
    ("character varying(5)[]", "character varying(6)[]"),
    ("mood", "mood"),
]
NARROWED = [
    ("bigint", "integer"),
    ("text", "character varying(200)"),
    ("character varying(20)", "character varying(19)"),
    ("character varying", "character varying(19)"),
    ("numeric(10,2)", "numeric(10,4)"),
    ("numeric(10,2)", "numeric(8,2)"),
    ("numeric(10,4)", "numeric(12,2)"),
    ("timestamp without time zone", "timestamp(0) without time zone"),
    ("timestamp with time zone", "timestamp without time zone"),
    ("timestamp without time zone", "date"),
    ("text", "uuid"),
    ("text", "text[]"),
    ("jsonb", "json"),
    ("mood", "text"),
]


@pytest.mark.parametrize(("old", "new"), WIDENED)
def test_what_holds_every_value_is_no_narrower(old: str, new: str) -> None:
    """The version that still runs reads and writes it as before."""
    assert not narrows(old, new)


@pytest.mark.parametrize(("old", "new"), NARROWED)
def test_what_may_refuse_or_change_a_value_is_narrower(old: str, new: str) -> None:
    """And another type altogether is, too."""
    assert narrows(old, new)
