"""The health score: full at the target, zero at the critical level, partial without data."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_criteria import CRITERIA
from gonogo.judge.verdict import health_score
from gonogo.model.finding import HealthScore, ScorePart
from gonogo.model.kinds import Environment
from gonogo.model.limit import parse_limit
from gonogo.model.measurement import Count, Measurement
from saying import team

STAGING = Environment.STAGING
PERFECT = {
    "sync.success_rate": Count(100, 100),
    "webhook.success_rate": Count(100, 100),
    "onboarding.success_rate": Count(100, 100),
    "sync.skip_rate": Count(75, 100),
    "token.invalid_users": Count(0, 100),
    "breaker.open_users": Count(0, 100),
    "webhook.silent": Count(0, 100),
    "jobs.webhook_renewal": Count(0, 100),
}


def scored(counts: dict[str, Count], *others: Measurement) -> HealthScore | None:
    """The score of these shares and further measurements in staging."""
    measurements = {name: Measurement(name, count=count) for name, count in counts.items()}
    measurements |= {measurement.metric: measurement for measurement in others}
    return health_score(CRITERIA, measurements, STAGING)


def points(counts: dict[str, Count], *others: Measurement) -> float:
    """Its points."""
    score = scored(counts, *others)
    assert score is not None
    return score.points


def test_everything_at_its_best_is_100() -> None:
    """All weights are measured and full."""
    score = scored(PERFECT)
    assert score is not None
    assert (score.points, score.measured, score.band) == (100.0, 100, "Excellent")
    assert sum(part.of for part in score.parts) == 100


@pytest.mark.parametrize(
    ("name", "k", "fullness"),
    [
        ("sync.success_rate", 90, 1),
        ("sync.success_rate", 85, Fraction(1, 2)),
        ("sync.success_rate", 80, 0),
        ("sync.success_rate", 10, 0),
        ("webhook.success_rate", 95, 1),
        ("webhook.success_rate", 86, Fraction(6, 15)),
        ("webhook.success_rate", 80, 0),
        ("onboarding.success_rate", 92, Fraction(12, 15)),
        ("sync.skip_rate", 70, 1),
        ("sync.skip_rate", 85, 1),
        ("sync.skip_rate", 60, Fraction(1, 2)),
        ("sync.skip_rate", 95, Fraction(1, 2)),
        ("sync.skip_rate", 50, 0),
        ("sync.skip_rate", 20, 0),
        ("token.invalid_users", 10, 1),
        ("token.invalid_users", 15, Fraction(1, 2)),
        ("token.invalid_users", 20, 0),
        ("breaker.open_users", 5, 1),
        ("breaker.open_users", 8, Fraction(2, 5)),
        ("breaker.open_users", 10, 0),
        ("webhook.silent", 5, 1),
        ("webhook.silent", 15, Fraction(1, 2)),
        ("webhook.silent", 25, 0),
    ],
)
def test_each_part_is_linear_between_target_and_critical(
    name: str, k: int, fullness: Fraction
) -> None:
    """The rest is perfect, so the missing points are this part's alone."""
    weight = CRITERIA.metrics[name].weight
    expected = 100 - weight * (1 - fullness)
    assert points(PERFECT | {name: Count(k, 100)}) == pytest.approx(float(expected), abs=0.05)


def test_the_jobs_part_is_the_share_of_fresh_footprints() -> None:
    """Two of four are fresh: half of its five points; one without data is left out."""
    jobs = (
        Measurement("jobs.token_refresh", count=Count(94, 100)),
        Measurement("jobs.adaptive_sync", value=Fraction(26 * 3600)),
        Measurement("jobs.reminders", value=Fraction(1)),
        Measurement("jobs.webhook_health_check", missing=team("no row")),
    )
    assert points(PERFECT, *jobs) == 97.5


def test_a_footprint_without_a_figure_or_a_limit_is_no_job() -> None:
    """It is neither fresh nor stale: the other one alone is the whole part."""
    renewal, refresh = (CRITERIA.metrics[f"jobs.{name}"] for name in ("reminders", "adaptive_sync"))
    elsewhere = renewal.model_copy(
        update={"objective": {Environment.PRODUCTION: parse_limit("= 0")}}
    )
    criteria = CRITERIA.model_copy(
        update={"metrics": {one.id: one for one in (elsewhere, refresh)}}
    )
    stale, fresh = (Measurement(elsewhere.id, value=Fraction(n)) for n in (1, 0))
    for other in (stale, fresh, Measurement(elsewhere.id)):
        told = {refresh.id: Measurement(refresh.id, value=Fraction(3600)), other.metric: other}
        score = health_score(criteria, told, STAGING)
        assert score is not None
        assert (score.points, score.parts) == (100.0, (ScorePart("Background jobs", 5.0, 5),))
    told = {refresh.id: Measurement(refresh.id)}
    assert health_score(criteria, told, STAGING) is None


def test_a_part_is_shown_with_two_digits() -> None:
    """56.7 % of its 25 points."""
    score = scored(PERFECT | {"sync.success_rate": Count(8567, 10_000)})
    assert score is not None
    title = CRITERIA.metrics["sync.success_rate"].title
    assert ScorePart(title, 14.18, 25) in score.parts


def test_what_has_no_data_is_left_out_and_the_rest_rescaled() -> None:
    """Without webhooks 80 points are measured; a bad onboarding weighs more among them."""
    without = (
        Measurement("webhook.success_rate", missing=team("the table is gone")),
        Measurement("webhook.silent", count=Count(0, 9), left_out=team("not yet")),
    )
    score = scored(PERFECT | {"onboarding.success_rate": Count(0, 50)}, *without)
    assert score is not None
    assert (score.measured, score.points, score.band) == (75, 80.0, "Good")
    empty = scored(PERFECT | {"sync.success_rate": Count(0, 0)})
    assert empty is not None
    assert (empty.measured, empty.points) == (75, 100.0)


def test_nothing_measured_has_no_score() -> None:
    """Not 0, and not 100."""
    assert scored({}) is None
    assert scored({}, Measurement("sync.success_rate", missing=team("out of reach"))) is None


@pytest.mark.parametrize(
    ("k", "band", "shown"),
    [(9000, "Excellent", 100.0), (8601, "Excellent", 90.0), (8599, "Good", 89.9)],
)
def test_points_are_cut_off_so_that_they_agree_with_their_band(
    k: int, band: str, shown: float
) -> None:
    """89.97 is Good, and does not read 90.0."""
    score = scored(PERFECT | {"sync.success_rate": Count(k, 10_000)})
    assert score is not None
    assert (score.points, score.band) == (shown, band)


@pytest.mark.parametrize(
    ("sync", "webhook", "band"),
    [(100, 100, "Excellent"), (80, 100, "Good"), (80, 85, "Fair"), (80, 80, "Poor")],
)
def test_bands_begin_at_90_75_and_60(sync: int, webhook: int, band: str) -> None:
    """75 is Good, 61.6 is Fair, 55 is Poor."""
    counts = {"sync.success_rate": Count(sync, 100), "webhook.success_rate": Count(webhook, 100)}
    score = scored(PERFECT | counts)
    assert score is not None
    assert score.band == band


def test_a_warning_level_alone_is_a_target_not_to_be_passed() -> None:
    """A weighted metric without a critical level is full below its warning and empty past it."""
    silent = CRITERIA.metrics["webhook.silent"].model_copy(update={"critical": None})
    criteria = CRITERIA.model_copy(update={"metrics": {silent.id: silent}})
    for k, wanted in ((5, 100.0), (6, 0.0)):
        measured = {silent.id: Measurement(silent.id, count=Count(k, 100))}
        score = health_score(criteria, measured, STAGING)
        assert score is not None
        assert score.points == wanted


def test_a_part_without_a_target_here_or_without_a_figure_is_left_out() -> None:
    """It is neither full nor empty: the score is of the rest, and says of how much."""
    production = {Environment.PRODUCTION: parse_limit("> 90 %")}
    sync = CRITERIA.metrics["sync.success_rate"].model_copy(
        update={"objective": production, "warning": None}
    )
    elsewhere = CRITERIA.model_copy(update={"metrics": {**CRITERIA.metrics, sync.id: sync}})
    measured = {name: Measurement(name, count=count) for name, count in PERFECT.items()}
    unmeasured = measured | {sync.id: Measurement(sync.id)}
    for criteria, told in ((elsewhere, measured), (CRITERIA, unmeasured)):
        score = health_score(criteria, told, STAGING)
        assert score is not None
        assert (score.points, score.measured) == (100.0, 75)
        assert sync.title not in {part.name for part in score.parts}


def test_a_target_at_its_critical_level_is_all_or_nothing() -> None:
    """No division by zero where both are 80 %."""
    sync = CRITERIA.metrics["sync.success_rate"].model_copy(
        update={"objective": {STAGING: parse_limit("> 80 %")}}
    )
    criteria = CRITERIA.model_copy(update={"metrics": {sync.id: sync}})
    for k, wanted in ((81, 100.0), (80, 0.0)):
        score = health_score(
            criteria, {sync.id: Measurement(sync.id, count=Count(k, 100))}, STAGING
        )
        assert score is not None
        assert score.points == wanted


@given(st.integers(0, 999), st.integers(1, 1000))
def test_one_more_success_never_lowers_the_score(k: int, n: int) -> None:
    """Sync success is worth more the higher it is."""
    k = min(k, n - 1)
    better, worse = Count(k + 1, n), Count(k, n)
    assert points({"sync.success_rate": better}) >= points({"sync.success_rate": worse})
