"""How rates, censuses, quantities and answers are judged: in order, and at the edges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_criteria import CRITERIA
from gonogo.criteria import Metric
from gonogo.judge.finding import judge
from gonogo.judge.verdict import decide
from gonogo.model.finding import Finding
from gonogo.model.kinds import Environment, Outcome, Reason, Role, Says, VerdictKind
from gonogo.model.measurement import Count, HourCount, Measurement, Remark, Window
from gonogo.report.english import limits_text
from saying import team, why

RULES = CRITERIA.rules
STAGING = Environment.STAGING
END = datetime(2026, 11, 23, tzinfo=UTC)
WHOLE = Window(timedelta(hours=48), END - timedelta(hours=48), END)

MET, WARNING, CRITICAL = Outcome.MET, Outcome.WARNING, Outcome.CRITICAL
FAILED, FIRED, OPEN = Outcome.FAILED, Outcome.FIRED, Outcome.INCONCLUSIVE


def metric(name: str) -> Metric:
    """One entry of the criteria."""
    return CRITERIA.metrics[name]


def judged(name: str, role: Role, measurement: Measurement) -> Finding:
    """The finding of one check in staging."""
    return judge(role, metric(name), measurement, RULES, STAGING)


def outcomes(name: str, measurement: Measurement) -> dict[Role, Outcome]:
    """What every check of a metric says."""
    return {role: judged(name, role, measurement).outcome for role in metric(name).roles(STAGING)}


def of(name: str, k: int, n: int) -> dict[Role, Outcome]:
    """What every check of a share says about k of n."""
    return outcomes(name, Measurement(name, count=Count(k, n)))


@pytest.mark.parametrize(
    ("k", "n", "criterion", "alert", "trigger"),
    [
        (0, 0, OPEN, OPEN, OPEN),
        (3, 3, OPEN, MET, MET),
        (16, 16, OPEN, MET, MET),
        (17, 17, MET, MET, MET),
        (0, 9, OPEN, OPEN, OPEN),
        (0, 10, FAILED, CRITICAL, FIRED),
        (7, 9, OPEN, OPEN, MET),
        (8, 11, FAILED, CRITICAL, MET),
        (69, 100, FAILED, CRITICAL, FIRED),
        (70, 100, FAILED, CRITICAL, MET),
        (79, 100, FAILED, CRITICAL, MET),
        (80, 100, FAILED, WARNING, MET),
        (89, 100, OPEN, WARNING, MET),
        (90, 100, OPEN, MET, MET),
        (91, 100, MET, MET, MET),
        (8_500, 10_000, FAILED, WARNING, MET),
        (9_000, 10_000, OPEN, MET, MET),
        (9_001, 10_000, MET, MET, MET),
    ],
)
def test_sync_success_is_judged_in_the_order_of_the_rules(
    k: int, n: int, criterion: Outcome, alert: Outcome, trigger: Outcome
) -> None:
    """Above 90 % with evidence is met; below 80 % is critical, below 70 % fires, from ten on."""
    assert of("sync.success_rate", k, n) == {
        Role.CRITERION: criterion,
        Role.ALERT: alert,
        Role.TRIGGER: trigger,
    }


@pytest.mark.parametrize(("least_n", "outcome"), [(11, FAILED), (12, OPEN)])
def test_past_critical_fails_by_its_point_from_the_least_number_on(
    least_n: int, outcome: Outcome
) -> None:
    """8 of 11 fail although their interval touches the objective; one event fewer would not do."""
    rules = RULES.model_copy(update={"least_n": least_n})
    measurement = Measurement("sync.success_rate", count=Count(8, 11))
    sync = metric("sync.success_rate")
    assert judge(Role.CRITERION, sync, measurement, rules, STAGING).outcome is outcome


@pytest.mark.parametrize(
    ("k", "told"),
    [
        (690, "is past trigger < 70 %"),
        (790, "is past critical < 80 %"),
        (850, "misses > 90 %"),
    ],
)
def test_a_failed_rate_names_the_level_that_it_missed(k: int, told: str) -> None:
    """The table beside it shows the objective: another level must not be mistaken for it."""
    measurement = Measurement("sync.success_rate", count=Count(k, 1_000))
    found = judge(Role.CRITERION, metric("sync.success_rate"), measurement, RULES, STAGING)
    assert (found.outcome, why(found).rpartition(", ")[2]) == (FAILED, told)


@pytest.mark.parametrize("name", ["webhook.success_rate", "onboarding.success_rate"])
@pytest.mark.parametrize(
    ("k", "n", "criterion", "alert", "trigger"),
    [
        (95, 100, OPEN, MET, MET),
        (96, 100, MET, MET, MET),
        (94, 100, OPEN, WARNING, MET),
        (80, 100, FAILED, WARNING, MET),
        (79, 100, FAILED, CRITICAL, FIRED),
        (7, 9, OPEN, OPEN, OPEN),
        (16, 16, OPEN, MET, MET),
        (17, 17, MET, MET, MET),
    ],
)
def test_95_of_100_is_not_above_95_percent(
    name: str, k: int, n: int, criterion: Outcome, alert: Outcome, trigger: Outcome
) -> None:
    """The objective is above 95 %; exactly 80 % is neither critical nor a trigger."""
    found = of(name, k, n)
    assert (found[Role.CRITERION], found[Role.ALERT], found[Role.TRIGGER]) == (
        criterion,
        alert,
        trigger,
    )


@pytest.mark.parametrize(
    ("k", "n", "outcome"),
    [
        (21, 30, MET),
        (20, 29, OPEN),
        (24, 29, OPEN),
        (25, 30, MET),
        (70, 100, MET),
        (85, 100, MET),
        (34, 40, MET),
        (699, 1_000, OPEN),
        (851, 1_000, OPEN),
        (600, 1_000, FAILED),
        (900, 1_000, FAILED),
        (10, 10, OPEN),
        (30, 30, FAILED),
        (0, 9, OPEN),
        (0, 10, FAILED),
        (0, 0, OPEN),
    ],
)
def test_a_band_includes_both_ends_and_needs_thirty(k: int, n: int, outcome: Outcome) -> None:
    """70 % and 85 % are met, above fails as below does, 29 events are too few to meet it."""
    assert of("sync.skip_rate", k, n) == {Role.CRITERION: outcome}


@pytest.mark.parametrize(
    ("k", "n", "outcome"), [(1, 10, MET), (2, 10, FIRED), (1, 9, OPEN), (0, 1, MET), (0, 0, OPEN)]
)
def test_broken_users_fire_above_ten_percent_of_at_least_ten(
    k: int, n: int, outcome: Outcome
) -> None:
    """Exactly 10 % does not; nine users are too few to roll back on, and none say nothing."""
    assert of("sync.broken_users", k, n) == {Role.TRIGGER: outcome}


@pytest.mark.parametrize(
    ("name", "k", "n", "outcome"),
    [
        ("token.invalid_users", 0, 1, MET),
        ("token.invalid_users", 1, 10, MET),
        ("token.invalid_users", 11, 100, WARNING),
        ("token.invalid_users", 20, 100, WARNING),
        ("token.invalid_users", 21, 100, CRITICAL),
        ("token.invalid_users", 1, 1, OPEN),
        ("token.invalid_users", 9, 9, OPEN),
        ("token.invalid_users", 3, 10, CRITICAL),
        ("token.invalid_users", 0, 0, OPEN),
        ("breaker.open_users", 5, 100, MET),
        ("breaker.open_users", 6, 100, WARNING),
        ("breaker.open_users", 11, 100, CRITICAL),
        ("breaker.stuck", 0, 0, MET),
        ("breaker.stuck", 6, 10, CRITICAL),
        ("webhook.silent", 5, 100, MET),
        ("webhook.silent", 25, 100, WARNING),
        ("webhook.silent", 26, 100, CRITICAL),
        ("token.unknown", 51, 100, CRITICAL),
    ],
)
def test_a_census_stands_as_it_is(name: str, k: int, n: int, outcome: Outcome) -> None:
    """From one on its value counts; past critical with fewer than ten it is inconclusive."""
    assert of(name, k, n) == {Role.ALERT: outcome}


def test_a_census_meets_its_objective_with_one() -> None:
    """One subscription that has not expired is the whole truth about the renewal job."""
    assert of("jobs.webhook_renewal", 0, 1) == {Role.CRITERION: MET}
    assert of("jobs.webhook_renewal", 5, 100) == {Role.CRITERION: MET}
    assert of("jobs.webhook_renewal", 1, 1) == {Role.CRITERION: FAILED}


HOUR = 3600


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("traffic.longest_gap", 13 * HOUR, {Role.ALERT: MET}),
        ("traffic.longest_gap", 13 * HOUR + 1, {Role.ALERT: WARNING}),
        ("traffic.longest_gap", 26 * HOUR, {Role.ALERT: WARNING}),
        ("traffic.longest_gap", 26 * HOUR + 1, {Role.ALERT: CRITICAL}),
        ("webhook.frequency", 5, {Role.ALERT: MET}),
        ("webhook.frequency", 50, {Role.ALERT: MET}),
        ("webhook.frequency", 4, {Role.ALERT: WARNING}),
        ("webhook.frequency", 51, {Role.ALERT: WARNING}),
        ("jobs.adaptive_sync", 26 * HOUR, {Role.CRITERION: MET}),
        ("jobs.adaptive_sync", 26 * HOUR + 1, {Role.CRITERION: FAILED}),
        ("jobs.consecutive_failures", 3, {Role.CRITERION: MET, Role.TRIGGER: MET}),
        ("jobs.consecutive_failures", 4, {Role.CRITERION: FAILED, Role.TRIGGER: FIRED}),
        ("errors.critical", 0, {Role.CRITERION: MET}),
        ("errors.critical", 1, {Role.CRITERION: FAILED}),
        ("incident.open_critical", 1, {Role.TRIGGER: FIRED}),
        ("rollout.migration_failed", 1, {Role.TRIGGER: FIRED}),
        ("endpoint.dashboard", 1, {Role.CRITERION: MET, Role.TRIGGER: MET}),
        ("endpoint.dashboard", 0, {Role.CRITERION: FAILED, Role.TRIGGER: FIRED}),
        ("schema.initial_allowed", 0, {Role.ALERT: WARNING}),
        ("db.clock_skew", 300, {Role.CRITERION: MET}),
        ("db.clock_skew", 301, {Role.CRITERION: OPEN}),
        ("db.row_security", 1, {Role.CRITERION: OPEN}),
        ("db.time_zone", 1, {Role.CRITERION: OPEN}),
        ("db.replica_lag", 301, {Role.CRITERION: OPEN}),
    ],
)
def test_a_number_or_an_answer_is_compared_as_it_is(
    name: str, value: int, expected: dict[Role, Outcome]
) -> None:
    """A bound counts as it is written; what would spoil every other figure is inconclusive."""
    assert outcomes(name, Measurement(name, value=Fraction(value))) == expected


@pytest.mark.parametrize("name", CRITERIA.metrics)
def test_no_data_is_never_a_pass(name: str) -> None:
    """Missing is inconclusive for every check there is, and says what is missing."""
    for measurement in (Measurement(name, missing=team("the table is gone")), Measurement(name)):
        for role in metric(name).roles(STAGING):
            finding = judged(name, role, measurement)
            assert finding.outcome is OPEN
            assert finding.reason is Reason.NO_DATA
            expected = measurement.missing or Remark(Says.NOTHING_MEASURED)
            assert finding.figures.remark == expected


@pytest.mark.parametrize("name", [m.id for m in CRITERIA.metrics.values() if m.kind != "top"])
def test_what_is_left_out_on_purpose_is_neither_met_nor_open(name: str) -> None:
    """Each check says so, whatever else was counted."""
    measurement = Measurement(name, count=Count(0, 50), left_out=team("not yet"))
    assert set(outcomes(name, measurement).values()) <= {Outcome.LEFT_OUT}


def test_where_none_is_fine_none_of_none_is_told_as_such() -> None:
    """It is no share of 0 %, which there would have to be some for."""
    told = judged("breaker.stuck", Role.ALERT, Measurement("breaker.stuck", count=Count(0, 0)))
    assert (told.outcome, told.reason) == (MET, Reason.NONE)


def test_a_degraded_answer_is_a_warning() -> None:
    """The health endpoint answers, but says that it is degraded."""
    measurement = Measurement(
        "endpoint.health", value=Fraction(1), degraded=team("it says degraded")
    )
    assert outcomes("endpoint.health", measurement) == {Role.CRITERION: WARNING, Role.ALERT: MET}
    down = Measurement("endpoint.health", value=Fraction(0), degraded=team("it says degraded"))
    assert outcomes("endpoint.health", down) == {Role.CRITERION: FAILED, Role.ALERT: CRITICAL}


def test_one_dead_integration_is_critical_under_a_pool_above_90_percent() -> None:
    """Calendar at 0 % beside contacts at 97 %: the whole is met, the alert is critical."""
    parts = {"google_contacts": Count(9_700, 10_000), "google_calendar": Count(0, 700)}
    pool = Count(9_700, 10_700)
    found = outcomes(
        "sync.success_rate", Measurement("sync.success_rate", count=pool, by_part=parts)
    )
    assert found == {Role.CRITERION: MET, Role.ALERT: CRITICAL, Role.TRIGGER: MET}


def test_one_integration_without_evidence_leaves_the_alert_open_not_the_criterion() -> None:
    """Half of nine contacts syncs may fail beside 300 good ones: HOLD, whatever the pool says."""
    parts = {"google_contacts": Count(5, 9), "google_calendar": Count(300, 300)}
    measurement = Measurement("sync.success_rate", count=Count(305, 309), by_part=parts)
    found = outcomes("sync.success_rate", measurement)
    assert found == {Role.CRITERION: MET, Role.ALERT: OPEN, Role.TRIGGER: MET}


@pytest.mark.parametrize("name", ["", "google_calendar"])
def test_five_failures_in_a_row_are_critical_however_good_the_window(name: str) -> None:
    """The outage that began five events ago is never GO."""
    recent = {name: (Count(0, 5), Count(5, 10))}
    measurement = Measurement("sync.success_rate", count=Count(9_995, 10_000), recent=recent)
    assert outcomes("sync.success_rate", measurement)[Role.ALERT] is CRITICAL


def test_newest_events_that_could_not_be_asked_are_no_pass() -> None:
    """The window stays judged; the alert is inconclusive, unless it is critical anyway."""
    good = Measurement("sync.success_rate", count=Count(99, 100), recent_missing=team("too slow"))
    bad = Measurement("sync.success_rate", count=Count(69, 100), recent_missing=team("too slow"))
    assert outcomes("sync.success_rate", good) == {
        Role.CRITERION: MET,
        Role.ALERT: OPEN,
        Role.TRIGGER: MET,
    }
    assert outcomes("sync.success_rate", bad) == {
        Role.CRITERION: FAILED,
        Role.ALERT: CRITICAL,
        Role.TRIGGER: FIRED,
    }


def fallen(name: str, before: Count, since: Count) -> Measurement:
    """A rate that fell three hours ago; the counts are of an hour."""
    counts = [before] * 21 + [since] * 3
    hourly = tuple(HourCount(END - timedelta(hours=24 - n), c) for n, c in enumerate(counts))
    return Measurement(name, count=sum(counts, Count(0, 0)), hourly=hourly)


def test_a_rate_that_fell_is_open_however_well_the_window_looks() -> None:
    """96 % in all, and 85 % of the last three hours: the criterion is met, the alert is not."""
    measurement = fallen("sync.success_rate", Count(97, 100), Count(85, 100))
    assert judged("sync.success_rate", Role.CRITERION, measurement).outcome is MET
    finding = judged("sync.success_rate", Role.ALERT, measurement)
    assert (finding.outcome, finding.reason, finding.worsened) == (OPEN, Reason.FELL, True)
    assert why(finding) == ("fell since 2026-11-22 21:00 UTC: 97.0 % before, 85.0 % of 300 since")


def test_a_rate_that_fell_past_its_critical_level_is_critical() -> None:
    """Beyond doubt: half of 300 events."""
    measurement = fallen("sync.success_rate", Count(97, 100), Count(50, 100))
    finding = judged("sync.success_rate", Role.ALERT, measurement)
    assert (finding.outcome, finding.reason) == (CRITICAL, Reason.FELL_PAST_LEVEL)
    assert why(finding).endswith("50.0 % of 300 since, past critical < 80 %")


def test_a_fall_is_told_rather_than_too_few_events_of_a_part() -> None:
    """It is the more urgent of two reasons to wait."""
    fell = fallen("sync.success_rate", Count(97, 100), Count(85, 100))
    parts = {"google_calendar": Count(2290, 2390), "google_contacts": Count(2, 2)}
    finding = judged("sync.success_rate", Role.ALERT, replace(fell, by_part=parts))
    assert (finding.outcome, finding.reason) == (OPEN, Reason.FELL)


@pytest.mark.parametrize(
    ("role", "count", "warned"),
    [
        (Role.ALERT, Count(7, 9), True),
        (Role.ALERT, Count(9, 9), False),
        (Role.ALERT, Count(0, 0), False),
        (Role.ALERT, Count(85, 100), False),
        (Role.CRITERION, Count(7, 9), False),
        (Role.TRIGGER, Count(5, 9), False),
    ],
)
def test_an_open_alert_remembers_that_it_is_past_its_warning(
    role: Role, count: Count, *, warned: bool
) -> None:
    """So that --strict makes NO-GO of what is past critical, but of too few; of nothing else."""
    found = judged("sync.success_rate", role, Measurement("sync.success_rate", count=count))
    assert found.warned is warned


@pytest.mark.parametrize("name", [m.id for m in CRITERIA.metrics.values() if m.falls])
def test_a_fall_is_kept_beside_any_other_reason(name: str) -> None:
    """Whole and newest events are past the critical level as well: the rate fell all the same."""
    fell = fallen(name, Count(97, 100), Count(50, 100))
    outage = replace(fell, recent={"": (Count(0, 50),)})
    finding = judged(name, Role.ALERT, outage)
    assert (finding.reason, finding.worsened) == (Reason.NEWEST_PAST_LEVEL, True)
    steady = replace(outage, hourly=tuple(replace(h, count=Count(50, 100)) for h in fell.hourly))
    assert not judged(name, Role.ALERT, steady).worsened


def test_only_an_alert_tells_of_a_fall_and_only_of_what_was_measured() -> None:
    """A criterion answers for the whole window; without figures there is nothing to fall."""
    fell = fallen("sync.success_rate", Count(97, 100), Count(85, 100))
    assert not judged("sync.success_rate", Role.CRITERION, fell).worsened
    missing = replace(fell, missing=team("no table"))
    assert not judged("sync.success_rate", Role.ALERT, missing).worsened


@pytest.mark.parametrize(
    ("name", "count", "told"),
    [
        ("sync.success_rate", Count(3, 3), "too few events to exclude < 80 %; about 14 more"),
        ("sync.skip_rate", Count(15, 20), "too few events: 30 are needed; about 10 more"),
        ("sync.success_rate", Count(89, 100), "misses > 90 %, but not beyond doubt; about"),
    ],
)
def test_an_open_rate_says_how_many_events_would_settle_it(
    name: str, count: Count, told: str
) -> None:
    """So that somebody knows how long to wait."""
    assert told in why(judged(name, Role.CRITERION, Measurement(name, count=count)))


def test_a_rate_carries_its_interval_and_its_limit() -> None:
    """The record shows both; an empty rate and a census have no interval."""
    finding = judged(
        "sync.success_rate",
        Role.CRITERION,
        Measurement("sync.success_rate", count=Count(95, 100)),
    )
    assert finding.id == "criterion:sync.success_rate"
    assert limits_text(finding.limits) == "> 90 %"
    assert finding.interval is not None
    assert 0.88 < finding.interval.low < 0.95 < finding.interval.high < 0.98
    census = Measurement("token.invalid_users", count=Count(1, 10))
    assert judged("token.invalid_users", Role.ALERT, census).interval is None
    levels = judged("token.invalid_users", Role.ALERT, census).limits
    assert limits_text(levels) == "warning > 10 %, critical > 20 %"
    webhooks = Measurement("webhook.success_rate", count=Count(99, 100))
    limits = [limits_text(judged("webhook.success_rate", role, webhooks).limits) for role in Role]
    assert limits == ["> 95 %", "warning < 95 %, critical < 80 %", "< 80 %", ""]


def test_a_reason_ends_with_what_was_noted_and_with_nothing_else() -> None:
    """Such as what an endpoint answered."""
    for notes, end in ((("HTTP 404", "no page"), "fires at no (HTTP 404; no page)"), ((), "at no")):
        gone = Measurement("endpoint.dashboard", value=Fraction(0), notes=tuple(map(team, notes)))
        assert why(judged("endpoint.dashboard", Role.TRIGGER, gone)).endswith(end)


def test_a_metric_without_a_trigger_never_fires() -> None:
    """Whatever was counted."""
    found = judged(
        "sync.skip_rate", Role.TRIGGER, Measurement("sync.skip_rate", count=Count(0, 99))
    )
    assert (found.outcome, found.reason) == (MET, Reason.NO_LIMIT)


def verdict_on(events: list[bool]) -> VerdictKind:
    """The verdict on these syncs, oldest first, spread evenly over two hours."""
    newest = events[::-1]
    counts = [Count(sum(newest[:size]), size) for size in RULES.recent if size <= len(events)]
    middle = len(events) // 2
    hourly = tuple(
        HourCount(END, Count(sum(half), len(half))) for half in (events[:middle], events[middle:])
    )
    measurement = Measurement(
        "sync.success_rate",
        count=Count(sum(events), len(events)),
        by_part={"google_calendar": Count(sum(events), len(events))},
        recent={"": tuple(counts)},
        hourly=hourly,
    )
    findings = [
        judged("sync.success_rate", role, measurement)
        for role in metric("sync.success_rate").roles(STAGING)
    ]
    return decide([finding.id for finding in findings], findings, WHOLE).kind


BADNESS = [VerdictKind.GO, VerdictKind.HOLD, VerdictKind.NO_GO, VerdictKind.ROLLBACK]


@given(st.integers(1, 400), st.floats(0, 1), st.randoms(use_true_random=False), st.data())
def test_one_success_turned_into_a_failure_never_improves_a_verdict(
    n: int, share: float, random: object, data: st.DataObject
) -> None:
    """Wherever it lies among the events, the verdict stays or gets worse."""
    events = [getattr(random, "random")() < share for _ in range(n)]  # noqa: B009  # hypothesis types it as object
    if not any(events):
        return
    position = data.draw(st.sampled_from([i for i, success in enumerate(events) if success]))
    worse = [success and i != position for i, success in enumerate(events)]
    assert BADNESS.index(verdict_on(worse)) >= BADNESS.index(verdict_on(events))


@pytest.mark.parametrize("n", [*range(1, 61), 100, 400])
def test_fewer_successes_of_the_same_number_never_improve_a_verdict(n: int) -> None:
    """Over every k of n, for each rate with a one-sided objective."""
    for name in ("sync.success_rate", "webhook.success_rate", "onboarding.success_rate"):
        ladder = []
        for k in range(n, -1, -1):
            found = [
                judged(name, role, Measurement(name, count=Count(k, n)))
                for role in metric(name).roles(STAGING)
            ]
            verdict = decide([finding.id for finding in found], found, WHOLE)
            ladder.append(BADNESS.index(verdict.kind))
        assert ladder == sorted(ladder), name
