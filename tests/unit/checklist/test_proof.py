"""What proves an item, and what of the records does not concern it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.checklist.entries import Item, Standing
from gonogo.checklist.sources import RecordedRun, Run, Sources, StepRun
from gonogo.checklist.standing import proof
from gonogo.model.finding import Figures, Finding, Verdict
from gonogo.model.kinds import Outcome, Reason, Role, State, VerdictKind
from gonogo.model.measurement import Count, Measurement
from record_examples import entry, gate, limits, says, summary

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stands(sources: Sources, **item: Any) -> Standing:
    """Where an item that is proved so stands."""
    return proof(Item(id="it", text="It is so", **item), sources)


def told(sources: Sources, **item: Any) -> tuple[str, str]:
    """The same as its state and its evidence."""
    standing = stands(sources, **item)
    return standing.state.value, standing.evidence


def done(*names: str, source: str = "R") -> dict[str, StepRun]:
    """Steps that succeeded, each proved by its last letter."""
    return {name: StepRun("succeeded", name[-1], source) for name in names}


def answered(**outcomes: str) -> Sources:
    """The newest gate's answers, by the metric of group ``a``."""
    found = tuple(
        Finding(
            f"a.{name}",
            Role.CRITERION,
            Outcome(outcome),
            limits(Role.CRITERION, "> 90 %"),
            Reason.LEFT_OUT,
            Figures(remark=says("because")),
        )
        for name, outcome in outcomes.items()
    )
    record = gate(
        findings=found,
        metrics={one.metric: entry(one.metric, one.metric) for one in found},
        measurements={one.metric: Measurement(one.metric, Count(9, 10)) for one in found},
    )
    return Sources(gate=RecordedRun("G", NOON, record))


def test_one_check_that_is_met_is_counted() -> None:
    """In the singular."""
    assert told(answered(b="met"), checks=["a.b"]) == ("proved", "1 check met (G)")


def test_several_checks_that_are_met_are_counted() -> None:
    """In the plural."""
    assert told(answered(b="met", c="met"), checks=["a.b", "a.c"]) == ("proved", "2 checks met (G)")


def test_a_check_that_the_item_does_not_name_does_not_concern_it() -> None:
    """Another metric may fail."""
    sources = answered(b="met", c="failed")
    assert told(sources, checks=["a.b"]) == ("proved", "1 check met (G)")


def test_three_checks_that_are_not_met_are_told() -> None:
    """With the reason of each."""
    state, evidence = told(answered(b="failed", c="failed", d="failed"), checks=["a.*"])
    assert (state, evidence.count("because")) == ("failed", 3)
    assert "more" not in evidence


def test_of_more_checks_that_are_not_met_the_rest_is_counted() -> None:
    """Behind the first three."""
    sources = answered(b="failed", c="failed", d="failed", e="failed", f="failed")
    state, evidence = told(sources, checks=["a.*"])
    assert (state, evidence.count("because")) == ("failed", 3)
    assert evidence.endswith(" and 2 more (G)")


def test_what_failed_is_told_before_what_is_open() -> None:
    """A check without an answer adds nothing to one that failed."""
    state, evidence = told(answered(b="failed", c="inconclusive"), checks=["a.*"])
    assert (state, "a.b" in evidence, "a.c" in evidence) == ("failed", True, False)


def test_steps_of_several_records_name_each_record() -> None:
    """Each step has its own behind it."""
    sources = Sources(done("deploy.a") | done("deploy.b", source="S"))
    standing = stands(sources, steps=["deploy.a", "deploy.b"])
    assert (standing.state, standing.evidence) == ("proved", "a (R); b (S)")
    assert standing.sources == {"R", "S"}


def test_of_several_steps_the_one_that_failed_is_told() -> None:
    """Not those that succeeded, nor those that nobody ran."""
    sources = Sources(done("deploy.a") | {"deploy.b": StepRun("failed", "no disk", "R")})
    steps = ["deploy.a", "deploy.b", "deploy.c"]
    assert told(sources, steps=steps) == ("failed", "deploy.b: no disk (R)")


def test_a_rollback_does_not_undo_its_own_steps() -> None:
    """They are what it proves."""
    sources = Sources(done("rollback.a"), rollback=Run("B", NOON))
    assert told(sources, steps=["rollback.a"]) == ("proved", "a (R)")


@pytest.mark.parametrize("steps", [["deploy.a"], ["smoke.a"], ["rollback.a", "deploy.a"]])
def test_a_rollback_undoes_every_step_of_the_deployment(steps: list[str]) -> None:
    """And the requests that were sent to it."""
    sources = Sources(done("deploy.a", "smoke.a", "rollback.a"), rollback=Run("B", NOON))
    assert told(sources, steps=steps) == ("open", "that deployment was rolled back (B)")


def sent(moment: datetime) -> Sources:
    """Requests that were sent then; the deployment began at noon."""
    steps = done("deploy.a", "smoke.a")
    return Sources(steps, deployment=Run("D", NOON), smoke=Run("S", moment))


@pytest.mark.parametrize("steps", [["smoke.a"], ["deploy.a", "smoke.a"]])
def test_requests_from_before_the_deployment_prove_nothing_of_it(steps: list[str]) -> None:
    """Whatever else the item asks for."""
    found = told(sent(NOON - HOUR), steps=steps)
    assert found == ("open", "none was sent since the deployment (D)")


def test_requests_of_the_deployments_own_moment_prove_it() -> None:
    """They were not sent before it."""
    assert told(sent(NOON), steps=["smoke.a"]) == ("proved", "a (R)")


def test_early_requests_do_not_concern_the_deployments_own_steps() -> None:
    """Those were proved by the deployment itself."""
    assert told(sent(NOON - HOUR), steps=["deploy.a"]) == ("proved", "a (R)")


@pytest.mark.parametrize("run", ["deployment", "rollback"])
@pytest.mark.parametrize("moment", [NOON - HOUR, NOON])
def test_a_gate_counts_from_what_was_done_before_it(run: str, moment: datetime) -> None:
    """A deployment or a rollback of its own moment was not done since."""
    before: dict[str, Any] = {run: Run("D", moment)}
    sources = replace(answered(b="met"), **before)
    assert told(sources, checks=["a.b"]) == ("proved", "1 check met (G)")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("deployment", "no gate was run since the deployment (D)"),
        ("rollback", "rolled back since the last gate (D)"),
    ],
)
def test_a_gate_does_not_count_for_what_was_done_since(run: str, said: str) -> None:
    """The evidence names the record of it."""
    since: dict[str, Any] = {run: Run("D", NOON + HOUR)}
    assert told(replace(answered(b="met"), **since), checks=["a.b"]) == ("open", said)


def test_a_gate_whose_record_cannot_be_read_proves_nothing() -> None:
    """It is there, and is named."""
    sources = Sources(gate=Run("G", NOON))
    assert told(sources, checks=["a.b"]) == ("open", "the record cannot be read (G)")


def concluded(**changes: Any) -> Sources:
    """The newest gate's record, with these changes."""
    return Sources(gate=RecordedRun("G", NOON, gate(**changes)))


def test_a_complete_soak_is_told_in_hours() -> None:
    """What is covered, of what was asked for."""
    found = told(concluded(), facts=["soak_complete"])
    assert found == ("proved", "48 of 48 h covered (G)")


def test_without_a_window_nothing_of_a_soak_was_measured() -> None:
    """It is not called too short."""
    found = told(concluded(window=None), facts=["soak_complete"])
    assert found == ("open", "nothing was measured (G)")


def test_only_an_alert_tells_of_a_trend() -> None:
    """A criterion that is met is no rate that did not fall."""
    assert told(answered(b="met"), facts=["trend"]) == ("open", "no rate was measured (G)")


def reported(kind: VerdictKind, **sources: Any) -> Sources:
    """A final report of noon, with this verdict."""
    record = summary().having(verdict=Verdict(kind, ()))
    return Sources(summary=RecordedRun("S", NOON, record), **sources)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (VerdictKind.GO, "proved"),
        (VerdictKind.HOLD, "open"),
        (VerdictKind.NO_GO, "open"),
        (VerdictKind.ROLLBACK, "open"),
    ],
)
def test_a_final_report_proves_by_saying_go(kind: VerdictKind, state: str) -> None:
    """Another verdict is named, and proves nothing."""
    assert told(reported(kind), facts=["final_record"]) == (state, f"it says {kind} (S)")


@pytest.mark.parametrize(
    ("moment", "state"), [(NOON - HOUR, "proved"), (NOON, "proved"), (NOON + HOUR, "open")]
)
def test_a_final_report_is_of_the_latest_deployment(moment: datetime, state: str) -> None:
    """One of an earlier deployment proves nothing of this one."""
    sources = reported(VerdictKind.GO, deployment=Run("D", moment))
    found, evidence = told(sources, facts=["final_record"])
    assert found == state
    assert ("earlier deployment" in evidence) is (state == "open")


def test_without_a_deployment_there_is_no_history() -> None:
    """None is counted, and nothing is proved."""
    found = told(Sources(), facts=["history"])
    assert found == ("open", "0 deployments and 0 rollbacks in the archive")


def test_a_ledger_without_old_backups_says_none() -> None:
    """That proves that there are none."""
    found = told(Sources(old_backups=()), facts=["old_backups"])
    assert found == ("proved", "past their retention: none")


def test_of_several_facts_the_worst_is_told() -> None:
    """One that is open outweighs one that is proved."""
    sources = replace(concluded(), old_backups=())
    assert told(sources, facts=["old_backups", "final_record"])[0] == "open"


def test_a_gate_that_was_aborted_proves_no_item() -> None:
    """Neither what it answered nor what it measured is proof."""
    found = answered(b="met").gate
    assert isinstance(found, RecordedRun)
    aborted = replace(found, record=found.record.having(state=State.ABORTED))
    sources = Sources(gate=aborted)
    assert told(sources, checks=["a.b"]) == ("open", "that run was aborted (G)")
    assert told(sources, facts=["health_score"]) == ("open", "that run was aborted (G)")


def test_a_group_of_which_a_check_has_no_answer_is_not_proved() -> None:
    """A part of the gate was asked for, and what it left out may be wrong."""
    found = answered(b="met").gate
    assert isinstance(found, RecordedRun)
    part = found.record.having(expected=("criterion:a.b", "criterion:a.c", "alert:a.c"))
    sources = Sources(gate=replace(found, record=part))
    assert told(sources, checks=["a.*"]) == ("open", "without an answer: a.c (G)")
    assert told(sources, checks=["a.b"]) == ("proved", "1 check met (G)")
