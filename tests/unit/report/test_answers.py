"""Figures by heading: what the page and the terminal both tell."""

from __future__ import annotations

from dataclasses import replace

from gonogo.model.record import Heading as Placed
from gonogo.model.record import Record
from gonogo.report.answers import NO_HEADING, Figure, Heading, Part, headings, top_errors
from record_examples import says


def told(go: Record) -> dict[str, Heading]:
    """By title."""
    return {heading.title: heading for heading in headings(go)}


def figure(go: Record, metric: str) -> Figure:
    """One metric's."""
    found = [f for heading in told(go).values() for f in heading.figures if f.metric == metric]
    (one,) = found
    return one


def test_every_measurement_stands_under_one_heading(go: Record) -> None:
    """In the record's order; what no heading names comes last."""
    by_title = told(go)
    assert list(by_title)[:1] == ["Webhook health"]
    assert list(by_title)[-1] == NO_HEADING
    metrics = [f.metric for heading in by_title.values() for f in heading.figures]
    shown = [name for name in go.measurements if go.metrics[name].kind != "top"]
    assert sorted(metrics) == sorted(shown)


def test_a_heading_without_a_measurement_is_left_out(go: Record) -> None:
    """Nothing stands under it."""
    empty = go.having(headings=(Placed(title="Empty", metrics=("a.b",)),))
    assert list(told(empty)) == [NO_HEADING]


def test_parts_that_add_up_tell_their_share(go: Record) -> None:
    """Of the metric's own k or n, the largest first."""
    one = figure(go, "sync.executed")
    assert one.value == "23.2 %"
    assert one.of == "3,926 of 16,922"
    assert one.parts[:2] == (
        Part("skipped", "12,996", "76.7 %"),
        Part("success", "3,800", "22.4 %"),
    )


def test_parts_of_a_quantity_have_its_unit_and_stand_by_name(go: Record) -> None:
    """Percentiles of one integration stay together."""
    assert figure(go, "sync.duration").parts == (
        Part("google_calendar", "640 ms"),
        Part("google_contacts", "1,190 ms"),
    )


def test_what_has_no_data_says_why(go: Record) -> None:
    """Rather than a dash that may mean anything."""
    gone = replace(go.measurements["token.unknown"], missing=says("the table is gone"))
    measured = {**go.measurements, "token.unknown": gone}
    one = figure(go.having(measurements=measured), "token.unknown")
    assert one.is_missing
    assert one.value == "no data: the table is gone"


def test_errors_stand_by_how_often_they_came(go: Record) -> None:
    """Under the title of the metric that counts them."""
    told = [(error.source, error.count) for error in top_errors(go)]
    assert told == [("Sync errors", 61), ("Sync errors", 40)]
