"""What the evidence allows: worst first, and nothing unanswered ever passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.judge.verdict import decidable, decide, unsettled
from gonogo.model.finding import (
    Decidable,
    Figures,
    Finding,
    JudgedMember,
    Verdict,
    VerdictReason,
)
from gonogo.model.kinds import EXIT_CODES, Outcome, Reason, Role, Says, VerdictKind, Why
from gonogo.model.measurement import Count, HourCount, Measurement, Remark, Window
from gonogo.report.english import verdict_reasons

END = datetime(2026, 11, 23, tzinfo=UTC)
ASKED = timedelta(hours=48)
WHOLE = Window(ASKED, END - ASKED, END)
WORST_FIRST = list(VerdictKind)


def found(*outcomes: Outcome) -> list[Finding]:
    """One finding an outcome."""
    return [
        Finding(f"a.m{number}", Role.CRITERION, outcome, (), Reason.NO_LIMIT)
        for number, outcome in enumerate(outcomes)
    ]


def verdict_on(*outcomes: Outcome, window: Window | None = WHOLE, strict: bool = False) -> Verdict:
    """The verdict of a run in which every expected check answered."""
    findings = found(*outcomes)
    return decide([finding.id for finding in findings], findings, window, strict=strict)


@pytest.mark.parametrize(
    ("outcomes", "kind", "exit_code"),
    [
        ([Outcome.MET], VerdictKind.GO, 0),
        ([Outcome.MET, Outcome.WARNING], VerdictKind.GO, 0),
        ([Outcome.MET, Outcome.LEFT_OUT], VerdictKind.GO, 0),
        ([Outcome.MET, Outcome.INCONCLUSIVE], VerdictKind.HOLD, 10),
        ([Outcome.MET, Outcome.FAILED], VerdictKind.NO_GO, 1),
        ([Outcome.MET, Outcome.CRITICAL], VerdictKind.NO_GO, 1),
        ([Outcome.MET, Outcome.FIRED], VerdictKind.ROLLBACK, 11),
        ([Outcome.INCONCLUSIVE, Outcome.FAILED], VerdictKind.NO_GO, 1),
        ([Outcome.INCONCLUSIVE, Outcome.FAILED, Outcome.FIRED], VerdictKind.ROLLBACK, 11),
        ([Outcome.LEFT_OUT], VerdictKind.HOLD, 10),
        ([Outcome.WARNING], VerdictKind.HOLD, 10),
    ],
)
def test_the_worst_finding_decides(
    outcomes: list[Outcome], kind: VerdictKind, exit_code: int
) -> None:
    """ROLLBACK beats NO-GO beats HOLD beats GO, each with its own exit code."""
    verdict = verdict_on(*outcomes)
    assert verdict.kind is kind
    assert EXIT_CODES[verdict.kind] == exit_code


@pytest.mark.parametrize(("first", "second"), [*product(Outcome, Outcome)])
def test_one_more_finding_never_improves_a_verdict(first: Outcome, second: Outcome) -> None:
    """Beside what is met, adding any finding leaves the verdict or makes it worse."""
    before = verdict_on(Outcome.MET, first).kind
    after = verdict_on(Outcome.MET, first, second).kind
    assert WORST_FIRST.index(after) <= WORST_FIRST.index(before)


def test_an_expected_check_without_an_answer_is_a_hold() -> None:
    """Deselected, crashed or interrupted: what is missing is named, and stands in the way."""
    findings = found(Outcome.MET, Outcome.MET)
    verdict = decide(["criterion:a.m0", "criterion:a.m1", "alert:a.m9"], findings, WHOLE)
    assert verdict.kind is VerdictKind.HOLD
    assert verdict.not_run == ("alert:a.m9",)
    assert VerdictReason(Why.NOT_ANSWERED, count=Count(1, 3)) in verdict.reasons


@given(st.sets(st.integers(0, 4)))
def test_leaving_any_check_out_of_a_good_run_is_a_hold(answered: set[int]) -> None:
    """GO needs every single answer."""
    findings = found(*[Outcome.MET] * 5)
    expected = [finding.id for finding in findings]
    verdict = decide(expected, [findings[number] for number in answered], WHOLE)
    assert (verdict.kind is VerdictKind.GO) is (len(answered) == 5)


def test_an_answer_to_another_role_is_no_answer() -> None:
    """The alert of a metric does not stand for its criterion."""
    alert = Finding("a.m0", Role.ALERT, Outcome.MET, (), Reason.NO_LIMIT)
    verdict = decide(["criterion:a.m0", "alert:a.m0"], [alert], WHOLE)
    assert verdict.not_run == ("criterion:a.m0",)


def test_a_run_that_checks_nothing_is_a_hold() -> None:
    """No expected check, no answer, no GO."""
    assert decide([], [], WHOLE).kind is VerdictKind.HOLD


def test_nobody_is_strict_unasked() -> None:
    """A warning beside what is met is GO."""
    found = [
        Finding("a.m0", Role.CRITERION, Outcome.MET, (), Reason.NO_LIMIT),
        Finding("a.m0", Role.ALERT, Outcome.WARNING, (), Reason.NO_LIMIT),
    ]
    assert decide([one.id for one in found], found, WHOLE).kind is VerdictKind.GO


def test_strict_makes_a_warning_no_go() -> None:
    """Without it the warning is listed."""
    assert verdict_on(Outcome.MET, Outcome.WARNING, strict=True).kind is VerdictKind.NO_GO
    lenient = verdict_on(Outcome.MET, Outcome.WARNING)
    assert lenient.warnings == (VerdictReason(Why.FINDING, "criterion:a.m1"),)
    assert lenient.reasons == (VerdictReason(Why.ALL_MET),)


@pytest.mark.parametrize(
    ("covered", "told"),
    [
        (timedelta(hours=31, minutes=20), "31h of 48h covered"),
        (ASKED - timedelta(seconds=1), "47h of 48h covered"),
        (timedelta(minutes=5, seconds=9), "5m of 48h covered"),
        (timedelta(seconds=9), "nothing of 48h is covered"),
        (timedelta(), "nothing of 48h is covered"),
    ],
)
def test_less_than_the_whole_soak_is_a_hold(covered: timedelta, told: str) -> None:
    """What is covered is said, cut off so that it never reads complete."""
    verdict = verdict_on(Outcome.MET, window=Window(ASKED, END - covered, END))
    assert verdict.kind is VerdictKind.HOLD
    assert told in verdict_reasons(verdict.reasons, (), {})[0]


def test_no_window_at_all_is_a_hold() -> None:
    """Nothing was measured, whatever the checks say."""
    assert verdict_on(Outcome.MET, window=None).reasons == (VerdictReason(Why.NOTHING_MEASURED),)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.CRITICAL, Outcome.FIRED])
def test_a_short_soak_does_not_hide_what_is_bad(outcome: Outcome) -> None:
    """An hour in, a failure is NO-GO and a trigger ROLLBACK, not HOLD."""
    window = Window(ASKED, END - timedelta(hours=1), END)
    kind = VerdictKind.ROLLBACK if outcome is Outcome.FIRED else VerdictKind.NO_GO
    assert verdict_on(outcome, window=window).kind is kind


def test_a_further_reason_caps_the_verdict_at_hold() -> None:
    """Such as a group that was left out on purpose though it may not be."""
    findings = found(Outcome.MET)
    verdict = decide(
        [findings[0].id], findings, WHOLE, hold=[VerdictReason(Why.GROUP_LEFT_OUT, "sync")]
    )
    assert (verdict.kind, verdict.reasons) == (
        VerdictKind.HOLD,
        (VerdictReason(Why.GROUP_LEFT_OUT, "sync"),),
    )


def test_closed_hours_of_a_cluster_that_changed_are_named_once() -> None:
    """By their survey, whichever metrics it feeds; what could not be read twice likewise."""
    notes = (Remark(Says.HOURS_MOVED, "cube", number=2), Remark(Says.ANSWERED, "cube"))
    once = (Remark(Says.READ_ONCE, "other"),)
    found = {name: Measurement(name, notes=notes) for name in ("a.b", "a.c")}
    reasons = unsettled({**found, "a.d": Measurement("a.d", notes=once)})
    assert [(one.why, one.subject) for one in reasons] == [
        (Why.HOURS_MOVED, "cube"),
        (Why.HOURS_MOVED, "other"),
    ]


def too_few(metric: str, more: int | None, reason: Reason = Reason.TOO_FEW) -> Finding:
    """An inconclusive finding that so many more events would settle."""
    figures = Figures(count=Count(3, 3), more=more)
    return Finding(metric, Role.CRITERION, Outcome.INCONCLUSIVE, (), reason, figures)


def held(*findings: Finding, window: Window = WHOLE, **hours: int) -> Decidable | None:
    """When these are decidable, with so many events in each hour of a metric."""
    measured = {
        f"a.{name}": Measurement(
            f"a.{name}",
            Count(3, 3),
            hourly=tuple(
                HourCount(END - timedelta(hours=h), Count(n, n)) for h in range(48, 0, -1)
            ),
        )
        for name, n in hours.items()
    }
    verdict = decide([one.id for one in findings], findings, window)
    return decidable(verdict, findings, measured, window)


def test_a_hold_says_when_it_is_expected_to_be_decidable() -> None:
    """At the rate of the last day, by the rate that takes longest."""
    found = held(too_few("a.quick", 10), too_few("a.slow", 15), quick=10, slow=3)
    assert found == Decidable(END + timedelta(hours=5), "a.slow", 15)


def test_a_soak_that_is_not_over_is_decidable_at_its_end() -> None:
    """Unless a rate takes longer."""
    met = Finding("a.quick", Role.CRITERION, Outcome.MET, (), Reason.NO_LIMIT)
    short = Window(ASKED, END - timedelta(hours=40), END)
    assert held(met, window=short, quick=1) == Decidable(END + timedelta(hours=8))
    longer = held(too_few("a.quick", 10), window=short, quick=1)
    assert longer == Decidable(END + timedelta(hours=10), "a.quick", 10)


@pytest.mark.parametrize("more", [None, 5])
def test_what_waiting_does_not_settle_has_no_moment(more: int | None) -> None:
    """No data, or nothing comes any more: somebody must act."""
    assert held(too_few("a.quick", more), quick=0) == Decidable(open=1)


def test_what_is_no_hold_is_decided() -> None:
    """There is nothing to wait for."""
    met = Finding("a.quick", Role.CRITERION, Outcome.MET, (), Reason.NO_LIMIT)
    assert held(met, quick=1) is None


def member(name: str, *outcomes: Outcome, **more: Any) -> JudgedMember:
    """A fleet's database whose own checks say so."""
    return JudgedMember(name=name, findings=tuple(found(*outcomes)), **more)


def fleet_verdict(*members: JudgedMember, pooled: Outcome = Outcome.MET) -> Verdict:
    """The verdict on a fleet whose pooled checks come out so."""
    findings = found(pooled)
    return decide([one.id for one in findings], findings, WHOLE, members=members)


LACKS = Finding("a.m0", Role.PRESENCE, Outcome.INCONCLUSIVE, (), Reason.OVERDUE)
BEHIND = Remark(Says.BEHIND, "046", number=1)


@pytest.mark.parametrize(
    ("one", "kind", "why"),
    [
        (member("b", Outcome.CRITICAL), VerdictKind.NO_GO, Why.MEMBER_PAST_LEVEL),
        # Triggers look at the fleet.
        (member("b", Outcome.FIRED), VerdictKind.NO_GO, Why.MEMBER_PAST_LEVEL),
        (member("b", problem=BEHIND), VerdictKind.HOLD, Why.MEMBER_NOT_JUDGED),
        (JudgedMember("b", findings=(LACKS,)), VerdictKind.HOLD, Why.MEMBER_LACKS_EVENTS),
        (member("b", Outcome.FAILED), VerdictKind.GO, None),
        (member("b", Outcome.INCONCLUSIVE), VerdictKind.GO, None),
    ],
)
def test_one_database_makes_a_fleets_verdict_worse(
    one: JudgedMember, kind: VerdictKind, why: Why | None
) -> None:
    """It is named; too little evidence of its own is what the others' is for."""
    verdict = fleet_verdict(member("a"), one)
    assert verdict.kind is kind
    told = [(reason.why, reason.member) for reason in verdict.reasons]
    assert told == [(why, "b") if why else (Why.ALL_MET, "")]


def test_a_database_that_misses_an_objective_by_itself_is_a_warning() -> None:
    """The fleet meets it."""
    (warning,) = fleet_verdict(member("a"), member("b", Outcome.FAILED)).warnings
    assert (warning.why, warning.member) == (Why.MEMBER_MISSES, "b")


@pytest.mark.parametrize("pooled", [Outcome.FIRED, Outcome.FAILED])
def test_a_database_never_makes_a_fleets_verdict_better(pooled: Outcome) -> None:
    """Well or out of reach."""
    kind = fleet_verdict(pooled=pooled).kind
    for one in (member("b", Outcome.MET), member("b", problem=BEHIND)):
        assert fleet_verdict(one, pooled=pooled).kind is kind


def test_a_database_is_named_once_for_each_metric() -> None:
    """With the worst that it says of it."""
    findings = tuple(
        Finding("a.m", role, outcome, (), Reason.NO_LIMIT)
        for role, outcome in ((Role.TRIGGER, Outcome.FIRED), (Role.ALERT, Outcome.CRITICAL))
    )
    (reason,) = fleet_verdict(JudgedMember("b", findings=findings)).reasons
    assert reason.finding == findings[0]
