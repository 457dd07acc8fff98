"""A fleet's databases in a record: each by its own evidence, the worst first, the rest folded."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gonogo.model.record import Record
from gonogo.report.answers import answers
from gonogo.report.html import render
from gonogo.report.members import MOST_CHARTS, by_database, member_rows, tally_of
from gonogo.report.page import cards
from gonogo.report.terminal import print_verdict
from record_examples import fleet, gate


def test_each_database_says_what_makes_it_so() -> None:
    """Its verdict, and the figure that is past a limit, or why it was not judged."""
    ill, dead, *well = member_rows(fleet())
    assert (ill.look.word, ill.why.partition(":")[0]) == ("NO-GO", "Sync success rate")
    assert (dead.look.word, dead.why) == ("Not judged", "the database does not answer")
    assert {(one.look.word, one.why) for one in well} == {("GO", "past no limit by itself")}
    assert tally_of(fleet()) == "5 databases: 1 NO-GO, 1 Not judged, 3 GO"


def test_a_rate_is_drawn_of_the_worst_few_on_one_axis() -> None:
    """Of fifty databases six have a line, and every one its figures."""
    record = fleet(50)
    card = next(one for one in cards(record, answers(record), ()) if one.chart)
    found = by_database(record, card)
    assert (len(found.shown), len(found.folded)) == (MOST_CHARTS, 49 - MOST_CHARTS)
    assert found.shown[0].name == "ill"
    assert all(one.path for one in found.shown)
    assert not any(one.path for one in found.folded)
    assert found.axis.endswith(" %")
    assert {one.value for one in found.folded} == {found.shown[0].value}


@pytest.mark.parametrize("size", [5, 50])
def test_the_page_of_a_fleet_stays_readable(size: int, templates_dir: Path) -> None:
    """Eight databases are seen at once; what is folded is there, and the page is not large."""
    page = render(fleet(size), templates_dir)
    assert "Databases of the fleet" in page
    assert (">and 42 more databases<" in page) is (size == 50)
    assert page.count(">shard-2<") > 1
    assert len(page) < 400_000


def test_a_record_of_one_database_shows_none(templates_dir: Path) -> None:
    """Neither a table of databases nor a fold by database."""
    page = render(gate(), templates_dir)
    assert "Databases of the fleet" not in page
    assert "By database" not in page


def test_the_terminal_shows_the_worst_few() -> None:
    """A line each, and how many more stand in the record."""

    def said(record: Record) -> str:
        stream = io.StringIO()
        print_verdict(record, Path("record"), stream)
        return " ".join(stream.getvalue().split())

    assert "ill NO-GO Sync success rate: " in said(fleet(50))
    assert "dead not judged the database does not answer" in said(fleet(50))
    assert "and 30 more, in the record" in said(fleet(50))
    assert "By itself" not in said(gate())
