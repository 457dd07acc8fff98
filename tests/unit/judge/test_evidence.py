"""What the figures prove, beyond one number for the whole window."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from engine_criteria import CRITERIA
from gonogo.judge.evidence import (
    excludes,
    newest_past_critical,
    part_past_critical,
    settling_n,
    unproven_part,
)
from gonogo.model.finding import Figures, Finding
from gonogo.model.kinds import Outcome, Reason, Role
from gonogo.model.limit import parse_limit
from gonogo.model.measurement import Count, Measurement
from saying import team, why

RULES = CRITERIA.rules
SYNC = CRITERIA.metrics["sync.success_rate"]
BREAKERS = CRITERIA.metrics["breaker.open_users"]
BELOW_80 = parse_limit("< 80 %")


@pytest.mark.parametrize(
    ("k", "n", "level", "excluded"),
    [
        (3, 3, "< 80 %", False),
        (16, 16, "< 80 %", False),
        (17, 17, "< 80 %", True),
        (0, 0, "< 80 %", False),
        (80, 100, "< 80 %", False),
        (0, 0, "> 20 %", False),
        (0, 16, "> 20 %", False),
        (0, 17, "> 20 %", True),
        (20, 100, "> 20 %", False),
    ],
)
def test_evidence_excludes_a_level_or_does_not(
    k: int, n: int, level: str, *, excluded: bool
) -> None:
    """17 of 17 exclude 80 %; 16 of 16, 3 of 3 and nothing at all do not; either way round."""
    assert excludes(Count(k, n), parse_limit(level), RULES.excluded_at) is excluded


@given(st.integers(1, 2_000), st.integers(0, 2_000))
def test_exclusion_is_the_exact_binomial_test(n: int, k: int) -> None:
    """So many at 80 % would be seen with a probability of at most 2.5 %, by scipy's count."""
    k = min(k, n)
    assert excludes(Count(k, n), BELOW_80, 0.025) is bool(binom.sf(k - 1, n, 0.8) <= 0.025)


@pytest.mark.parametrize(
    ("count", "objective", "critical", "needed"),
    [
        (Count(3, 3), "> 90 %", "< 80 %", 17),
        (Count(16, 16), "> 90 %", "< 80 %", 17),
        (Count(15, 20), "70 % .. 85 %", None, 30),
        (Count(5, 9), "> 90 %", "< 80 %", 10),
        (Count(7, 9), "> 90 %", "< 80 %", 10),
    ],
)
def test_how_many_events_would_settle_it(
    count: Count, objective: str, critical: str | None, needed: int
) -> None:
    """The number at which the same share would be met, failed, or past its critical level."""
    level = parse_limit(critical) if critical else None
    assert settling_n(count, RULES, parse_limit(objective), level) == needed


def test_what_no_number_would_settle_has_none() -> None:
    """Exactly at the objective, a million more of the same say nothing."""
    for at_the_edge in (Count(9, 10), Count(450_000, 500_000)):
        assert settling_n(at_the_edge, RULES, parse_limit("> 90 %"), BELOW_80) is None


@pytest.mark.parametrize(
    ("calendar", "critical"),
    [
        (Count(0, 10), True),
        (Count(0, 9), False),
        (Count(4, 10), True),
        (Count(7, 10), False),
        (Count(700, 1000), True),
        (Count(790, 1000), False),
    ],
)
def test_one_integration_past_its_level_is_seen_under_a_good_pool(
    calendar: Count, *, critical: bool
) -> None:
    """From ten events on, when its whole interval lies past the critical level."""
    counts = {"google_contacts": Count(9_700, 10_000), "google_calendar": calendar}
    measurement = Measurement(SYNC.id, count=Count(9_700, 10_010), by_part=counts)
    told = part_past_critical(SYNC, measurement, RULES)
    assert bool(told) is critical
    assert not told or told[2].part == "google_calendar"


@pytest.mark.parametrize(
    ("contacts", "told"),
    [
        (Count(0, 0), "0 of 0, too few events to exclude < 80 %"),
        (Count(0, 4), "0.0 % (0 of 4), too few events to exclude < 80 %"),
        (Count(5, 9), "55.5 % (5 of 9), too few events to exclude < 80 %"),
        (Count(4, 5), "exclude < 80 %"),
        (Count(16, 16), "exclude < 80 %; about 1 more at this rate would settle it"),
        (Count(25, 26), None),
        (Count(17, 17), None),
        (Count(172, 199), None),
        (Count(172, 200), "exclude < 80 %; about "),
        (Count(178, 200), None),
    ],
)
def test_a_pool_proves_nothing_of_a_part_that_hardly_ran(contacts: Count, told: str | None) -> None:
    """Each of several integrations must exclude the level itself, with a smaller tail from 200 on.

    Exactly at the level no number of events would settle it, so none is promised.
    """
    calendar = Count(9_700, 10_000)
    parts = {"google_calendar": calendar, "google_contacts": contacts}
    measurement = Measurement(SYNC.id, count=calendar + contacts, by_part=parts)
    found = unproven_part(SYNC, measurement, RULES)
    assert (found is None) is (told is None)
    if found and told:
        assert found[:2] == (Outcome.INCONCLUSIVE, Reason.PART_TOO_FEW)
        assert (found[2].part, found[2].count) == ("google_contacts", contacts)
        assert bool(found[2].more) is ("about" in told)
        assert told in why(Finding(SYNC.id, Role.ALERT, found[0], (), found[1], found[2]))


def test_one_integration_alone_is_judged_as_the_whole() -> None:
    """The criterion asks for its evidence already; the alert need not ask again."""
    measurement = Measurement(SYNC.id, count=Count(3, 3), by_part={"a": Count(3, 3)})
    assert unproven_part(SYNC, measurement, RULES) is None


def test_which_integrations_there_are_must_be_known() -> None:
    """Otherwise one that is down might not even be asked for."""
    measurement = Measurement(
        SYNC.id, count=Count(99, 99), parts_missing=team("no right to read it")
    )
    told = unproven_part(SYNC, measurement, RULES)
    figures = Figures(remark=team("no right to read it"))
    assert told == (Outcome.INCONCLUSIVE, Reason.PARTS_UNKNOWN, figures)


def test_a_census_has_no_doubtful_parts() -> None:
    """Open breakers are not judged by integration: what exists now is no sample."""
    parts = {"google_calendar": Count(90, 100), "google_contacts": Count(1, 1)}
    measurement = Measurement(BREAKERS.id, by_part=parts)
    assert part_past_critical(BREAKERS, measurement, RULES) is None
    assert unproven_part(BREAKERS, measurement, RULES) is None


@pytest.mark.parametrize(
    ("contacts", "outcome"),
    [
        (Count(8, 10), None),
        (Count(7, 10), Outcome.CRITICAL),
        (Count(7, 9), Outcome.INCONCLUSIVE),
        (Count(4, 5), None),
        (Count(0, 0), None),
    ],
)
def test_a_census_that_names_its_parts_is_judged_by_each(
    contacts: Count, outcome: Outcome | None
) -> None:
    """By its share as it stands; fewer than ten past the level leave it open, as of the whole."""
    parts = {"google_calendar": Count(999, 999), "google_contacts": contacts}
    scheduled = CRITERIA.metrics["data.scheduled"]
    measurement = Measurement(scheduled.id, by_part=parts)
    told = part_past_critical(scheduled, measurement, RULES)
    told = told or unproven_part(scheduled, measurement, RULES)
    assert (told[0] if told else None) is outcome


@pytest.mark.parametrize("name", ["", "google_calendar"])
@pytest.mark.parametrize(
    ("counts", "critical"),
    [
        ([Count(0, 5)], True),
        ([Count(1, 5)], True),
        ([Count(2, 5)], False),
        ([Count(5, 5), Count(3, 10), Count(13, 20)], True),
        ([Count(5, 5), Count(10, 10), Count(20, 20), Count(30, 50)], True),
        ([Count(5, 5), Count(10, 10), Count(19, 20), Count(45, 50)], False),
        ([], False),
    ],
)
def test_an_outage_of_late_is_seen_under_a_good_window(
    name: str, counts: list[Count], *, critical: bool
) -> None:
    """Five failures in a row, or more among the last 10, 20 or 50; whole or of one integration."""
    measurement = Measurement(SYNC.id, count=Count(9_995, 10_000), recent={name: tuple(counts)})
    told = newest_past_critical(SYNC, measurement)
    assert bool(told) is critical
    assert not told or told[1:] == (Reason.NEWEST_PAST_LEVEL, told[2])
    assert not told or (told[2].part, told[2].count in counts) == (name, True)


def test_a_metric_without_levels_has_no_evidence_against_it() -> None:
    """No critical level, no alert by part or of late."""
    metric = CRITERIA.metrics["sync.skip_rate"]
    assert Fraction(0) == Count(0, 5).share
    measurement = Measurement(
        metric.id,
        by_part={"google_calendar": Count(0, 99), "google_contacts": Count(0, 0)},
        recent={"": (Count(0, 5),)},
    )
    assert part_past_critical(metric, measurement, RULES) is None
    assert newest_past_critical(metric, measurement) is None
    assert unproven_part(metric, measurement, RULES) is None
