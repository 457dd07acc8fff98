"""The digest of a record: what is not met first, and no more than a decision needs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gonogo.model.finding import Figures, Finding, VerdictReason
from gonogo.model.kinds import Outcome, Reason, Role, Why
from gonogo.model.limit import Interval
from gonogo.model.measurement import Count, Measurement, Worst
from gonogo.report.digest import FOLDED, Row, digest
from record_examples import limits, says

Make = Callable[..., Any]
GONE = Measurement("a", missing=says("gone"))


def part_of(metric: str) -> Finding:
    """An alert on one part that is down."""
    asked = limits(Role.ALERT, "critical < 80 %")
    figures = Figures(count=Count(0, 9), passed=asked[0], part="google_calendar")
    return Finding(metric, Role.ALERT, Outcome.CRITICAL, asked, Reason.PART_PAST_LEVEL, figures)


def test_the_worst_comes_first(record: Make, found: Make) -> None:
    """Fired, failed, critical, inconclusive, warning: in this order, above everything met."""
    outcomes = ["met", "warning", "inconclusive", "critical", "failed", "fired"]
    findings = [found(f"a.{outcome}", outcome) for outcome in outcomes]
    told = digest(record("ROLLBACK", findings))
    assert [miss.outcome for miss in told.misses] == outcomes[:0:-1]
    assert [row.outcome for row in told.rows] == outcomes[::-1]


def test_a_metric_is_told_once_by_its_worst_answer(record: Make, found: Make) -> None:
    """Criterion, alert and trigger of one metric are one miss and one row."""
    findings = [
        found("a.b", "failed", reason="97.0 % (97 of 100) misses"),
        found("a.b", "critical", "alert", reason="97.0 % (97 of 100) is past critical"),
        found("a.b", "fired", "trigger", reason="97.0 % (97 of 100) fires"),
    ]
    reasons = [VerdictReason(Why.FINDING, "trigger:a.b")]
    told = digest(record("ROLLBACK", findings, reasons))
    assert [(miss.outcome, miss.reason) for miss in told.misses] == [
        ("fired", "97.0 % (97 of 100) fires")
    ]
    assert [row.outcome for row in told.rows] == ["fired"]
    assert not told.reasons


def test_what_another_answer_adds_is_kept(record: Make, found: Make) -> None:
    """One integration that is down is named beside the pool's own miss."""
    findings = [
        found("a.b", "failed", reason="97.0 % (97 of 100) misses"),
        found("a.b", "critical", "alert", finding=part_of("a.b")),
    ]
    (miss,) = digest(record("NO-GO", findings)).misses
    alone = "google_calendar alone: 0.0 % (0 of 9) is past critical < 80 %"
    assert miss.reason == f"97.0 % (97 of 100) misses; {alone}"


def test_one_cause_of_many_misses_is_told_once(record: Make, found: Make) -> None:
    """A database out of reach is one line, not fifty, and recommends nothing about a metric."""
    findings = [
        found(f"a.{number}", "inconclusive", reason="no data: gone", measured=GONE)
        for number in range(9)
    ]
    (miss,) = digest(record("HOLD", findings)).misses
    assert miss.title == "The a.0, The a.1, The a.2 and 6 more"
    assert not miss.means + miss.first


def test_reasons_that_no_check_gave_are_kept(record: Make, found: Make) -> None:
    """The soak that is not over stands beside what is not met."""
    findings = [found("a.b", "failed", reason="x")]
    reasons = [VerdictReason(Why.FINDING, "criterion:a.b"), VerdictReason(Why.ABORTED)]
    told = digest(record("NO-GO", findings, reasons))
    assert told.reasons == ("the run was aborted",)


@pytest.mark.parametrize(
    ("outcome", "keys", "advised"),
    [
        ("failed", {}, True),
        ("warning", {}, True),
        ("inconclusive", {"measured": GONE}, False),
        ("inconclusive", {"interval": Interval(0.1, 0.9)}, False),
        ("inconclusive", {}, True),
    ],
    ids=["failed", "warning", "no data", "too few events", "a clock that is ahead"],
)
def test_advice_is_given_for_what_is_past_its_limit(
    record: Make, found: Make, outcome: str, keys: dict[str, Any], *, advised: bool
) -> None:
    """What a miss means is said of a miss, not where only data or evidence is missing."""
    (miss,) = digest(record("HOLD", [found("a.b", outcome, **keys)])).misses
    assert (miss.means, miss.first) == (("a.b means", "a.b first") if advised else ("", ""))


@pytest.mark.parametrize("group", FOLDED)
def test_a_group_that_is_met_is_one_line(record: Make, found: Make, group: str) -> None:
    """Ten migrations that are in place are one line, at the end."""
    findings = [found(f"{group}.{number}") for number in range(10)] + [found("a.b")]
    rows = digest(record("GO", findings)).rows
    assert [row.title for row in rows] == ["The a.b", FOLDED[group]]
    assert rows[1] == Row(FOLDED[group], "10 of 10", "all", "met")


def test_what_fails_leaves_its_folded_group(record: Make, found: Make) -> None:
    """The one migration that is not in place has its own row; the rest stays folded."""
    findings = [found("schema.038", "failed"), found("schema.039"), found("schema.040")]
    rows = digest(record("NO-GO", findings)).rows
    assert [(row.title, row.value) for row in rows] == [
        ("The schema.038", "97.0 % (97 of 100)"),
        ("Schema", "2 of 3"),
    ]


def test_what_is_left_out_or_not_measured_says_so(record: Make, found: Make) -> None:
    """Endpoints that were left out and jobs without data fold too, each under its outcome."""
    findings = [
        found("endpoint.health", "left_out", measured=Measurement("endpoint.health")),
        found("jobs.a", "inconclusive", measured=GONE),
        found("jobs.b"),
        found("sync.a", "inconclusive", measured=GONE),
    ]
    rows = digest(record("HOLD", findings)).rows
    assert [(row.title, row.value, row.outcome) for row in rows] == [
        ("The sync.a", "no data", "inconclusive"),
        ("Background jobs", "1 of 2", "inconclusive"),
        ("Background jobs", "1 of 2", "met"),
        ("Endpoints", "1 of 1", "left out"),
    ]


def test_an_alert_shows_the_level_that_was_passed(record: Make, found: Make) -> None:
    """Of warning and critical, the row holds the one that its outcome names."""
    limit = "warning > 10 %, critical > 20 %"
    findings = [
        found("a.b", "warning", "alert", limit=limit),
        found("a.c", "critical", "alert", limit=limit),
    ]
    rows = digest(record("NO-GO", findings)).rows
    assert {row.title: row.limit for row in rows} == {"The a.b": "> 10 %", "The a.c": "> 20 %"}


def test_alerts_and_triggers_that_are_met_are_not_listed(record: Make, found: Make) -> None:
    """A page of things that did not happen helps nobody to decide."""
    findings = [found("a.b"), found("a.b", role="alert"), found("a.c", role="trigger")]
    assert [row.title for row in digest(record("GO", findings)).rows] == ["The a.b"]


def test_control_characters_of_the_database_are_made_visible(record: Make, found: Make) -> None:
    """An escape sequence in an error message never reaches a terminal."""
    findings = [found("a.b", "failed", reason="\x1b[2J gone\nnext")]
    (miss,) = digest(record("NO-GO", findings)).misses
    assert miss.reason == "\\x1b[2J gone\\nnext"


def test_what_is_covered_is_cut_off(record: Make) -> None:
    """A second short of 48 h does not read 48 h."""
    whole = record("HOLD", []).window
    window = replace(whole, start=whole.start + timedelta(seconds=1))
    assert "(47 h 59 min of 48 h covered)" in digest(record("HOLD", [], window=window)).window


def test_whose_the_failures_are_belongs_to_what_a_miss_means(record: Make, found: Make) -> None:
    """Where one user accounts for most of them; the reason stays what it is."""
    worst = (Worst("user", "aB", Count(90, 100), Count(97, 107)), Worst("m", "x", Count(1, 100)))
    measured = {"a.b": Measurement("a.b", count=Count(97, 197), worst=worst)}
    made = record("NO-GO", [found("a.b", "failed")])
    told = digest(made.having(measurements={**made.measurements, **measured}))
    assert told.misses[0].means.endswith(
        " One user (aB) accounts for 90 of 100 failures; without that user 90.6 %."
    )
