"""Where each item stands: by records and by what a person attested, and never by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from gonogo.checklist.entries import Checklist, Desk, Item, Phase
from gonogo.checklist.sources import Attested, Book, RecordedRun, Run, Sources, StepRun
from gonogo.checklist.standing import Grounds, checklist_block, standings
from gonogo.model.finding import Figures, Finding, HealthScore, Verdict
from gonogo.model.kinds import (
    Band,
    Environment,
    Kind,
    MarkState,
    Outcome,
    Reason,
    Role,
    VerdictKind,
)
from gonogo.model.measurement import Count, Measurement, clip
from gonogo.model.record import ItemEntry, Mark, Record
from gonogo.model.step import Subject
from gonogo.record.archive import RunningRecord
from gonogo.report.index import RecordPages
from record_examples import START, deployment, entry, gate, limits, provenance, says, steps
from record_examples import soak as whole_soak

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def one(
    sources: Sources, *, after: Any = None, word: Attested | None = None, **item: Any
) -> ItemEntry:
    """Where a single item of staging stands."""
    only = Item(id="it", text="It is so", **item)
    phase = Phase(id="p", title="P", environment=Environment.STAGING, after=after, item=(only,))
    attested = {"p.it": word} if word else {}
    grounds = Grounds({Environment.STAGING: sources}, attested, Environment.STAGING)
    ((told,),) = (each.items for each in standings(Checklist(phase=(phase,)), grounds))
    return told


def gated(**changes: object) -> Sources:
    """The newest gate says so."""
    return Sources(gate=RecordedRun("G", NOON, gate(**changes)))


def finding(
    metric: str, outcome: str, role: Role = Role.CRITERION, *, worsened: bool = False
) -> Finding:
    """One answer."""
    asked = limits(role, "warning < 90 %" if role is Role.ALERT else "> 90 %")
    because = Figures(remark=says("because"))
    return Finding(
        metric, role, Outcome(outcome), asked, Reason.LEFT_OUT, because, worsened=worsened
    )


def answered(*found: Finding) -> dict[str, Any]:
    """What a gate's record says where these are its answers."""
    metrics = dict.fromkeys(one.metric for one in found)
    return {
        "findings": found,
        "metrics": {name: entry(name, name) for name in metrics},
        "measurements": {name: Measurement(name, Count(9, 10)) for name in metrics},
        "verdict": Verdict(VerdictKind.GO, ()),
    }


def scored(points: float, band: Band) -> dict[str, Any]:
    """A gate's record with this health score."""
    return {"score": HealthScore(points, 100, band)}


def looked(state: MarkState) -> dict[str, Any]:
    """A gate's record whose soak has one moment, in this state."""
    mark = Mark(name="a", due_at=START, state=state, at=None, record=None)
    return {"soak": whole_soak().model_copy(update={"marks": (mark,)})}


@pytest.mark.parametrize(
    ("outcome", "state"), [("succeeded", "proved"), ("failed", "failed"), ("skipped", "open")]
)
def test_a_step_proves_by_having_succeeded(outcome: str, state: str) -> None:
    """A step that was skipped proved nothing; what it said and where stands as evidence."""
    sources = Sources({"deploy.backup": StepRun(outcome, "12 tables equal", "R")})
    told = one(sources, steps=["deploy.backup"])
    assert told.state == state
    assert "12 tables equal (R)" in told.evidence


def test_each_of_several_steps_must_have_succeeded() -> None:
    """One that nobody ran leaves the item open; a source that all share is named once."""
    done = {name: StepRun("succeeded", name[-1], "R") for name in ("deploy.a", "deploy.b")}
    told = one(Sources(done), steps=["deploy.a", "deploy.b"])
    assert (told.state, told.evidence) == ("proved", "a; b (R)")
    told = one(Sources(done), steps=["deploy.a", "deploy.c"])
    assert (told.state, told.evidence) == ("open", "no record of the step deploy.c")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("met", "proved"),
        ("warning", "proved"),
        ("inconclusive", "open"),
        ("left_out", "open"),
        ("failed", "failed"),
        ("critical", "failed"),
        ("fired", "failed"),
    ],
)
def test_checks_prove_by_being_met(outcome: str, state: str) -> None:
    """Every one of them; a warning is named; what is not known is open, never proved."""
    sources = gated(**answered(finding("a.b", "met"), finding("a.c", outcome)))
    told = one(sources, checks=["a.*"])
    assert told.state == state
    assert ("because" in told.evidence) == (outcome != "met")


def test_without_an_answer_nothing_is_proved() -> None:
    """No gate, a gate that did not ask, one from before the deployment or the rollback."""
    assert one(Sources(), checks=["a.b"]).state == "open"
    assert one(gated(**answered()), checks=["a.b"]).state == "open"
    newer = Run("D", NOON + HOUR)
    base = gated(**answered(finding("a.b", "met")))
    for sources in (replace(base, deployment=newer), replace(base, rollback=newer)):
        told = one(sources, checks=["a.b"])
        assert told.state == "open"
        assert "(D)" in told.evidence


def test_a_deployment_that_was_rolled_back_proves_nothing() -> None:
    """Its steps went well, and nothing of it runs."""
    done = {"deploy.a": StepRun("succeeded", "well", "D")}
    told = one(Sources(done, Run("D", NOON), Run("B", NOON + HOUR)), steps=["deploy.a"])
    assert (told.state, "(B)" in told.evidence) == ("open", True)


SENT = ("smoke.manual_sync", "smoke.webhook")


@pytest.mark.parametrize(
    ("sources", "state", "told"),
    [
        (Sources(), "open", "no record of the step smoke.manual_sync"),
        (Sources(smoke=Run("S", NOON)), "proved", "taken (S)"),
        (Sources(smoke=Run("S", NOON), deployment=Run("D", NOON - HOUR)), "proved", ""),
        (Sources(smoke=Run("S", NOON), deployment=Run("D", NOON + HOUR)), "open", "(D)"),
        (
            Sources(
                smoke=Run("S", NOON),
                deployment=Run("D", NOON - HOUR),
                rollback=Run("B", NOON + HOUR),
            ),
            "open",
            "(B)",
        ),
    ],
)
def test_smoke_requests_prove_what_they_were_sent_to(
    sources: Sources, state: str, told: str
) -> None:
    """Sent since the deployment, which still stands: an earlier one says nothing of it."""
    taken = {name: StepRun("succeeded", "taken", "S") for name in SENT}
    found = one(replace(sources, steps=taken if sources.smoke else {}), steps=SENT)
    assert found.state == state
    assert told in found.evidence


@pytest.mark.parametrize(
    ("fact", "changes", "state"),
    [
        ("soak_complete", {}, "proved"),
        ("soak_complete", {"window": None}, "open"),
        ("soak_complete", {"window": clip(48 * HOUR, START + 31 * HOUR, START)}, "open"),
        ("soak_complete", {"window": clip(HOUR, START + 48 * HOUR, START)}, "open"),
        ("trend", answered(finding("a.b", "met", Role.ALERT)), "proved"),
        ("trend", answered(finding("a.b", "inconclusive", Role.ALERT)), "open"),
        ("trend", answered(), "open"),
        ("trend", answered(finding("a.b", "warning", Role.ALERT, worsened=True)), "failed"),
        ("health_score", scored(75, "Good"), "proved"),
        ("health_score", scored(74, "Fair"), "failed"),
        ("health_score", {"score": None}, "open"),
        ("soak_continuity", looked(MarkState.PRESENT), "proved"),
        ("soak_continuity", looked(MarkState.DUE), "open"),
        ("soak_continuity", looked(MarkState.AHEAD), "open"),
        ("soak_continuity", looked(MarkState.MISSING), "failed"),
        ("soak_continuity", {"soak": None}, "open"),
        ("final_record", {}, "open"),
        ("history", {}, "open"),
        ("old_backups", {}, "open"),
    ],
)
def test_a_fact_of_the_newest_gate(fact: str, changes: dict[str, Any], state: str) -> None:
    """Shown by the record itself; where it does not say, the item is open."""
    assert one(gated(**changes), facts=[fact]).state == state


def test_what_records_and_ledger_show_together() -> None:
    """The final report, the history, and the backups past their retention."""
    begun, final = Run("D", NOON), RecordedRun("S", NOON + HOUR, gate(kind=Kind.SUMMARY))
    sources = Sources(deployment=begun, summary=final, deployments=2, rollbacks=1)
    assert one(sources, facts=["final_record"]).state == "proved"
    earlier = RecordedRun("S", NOON - HOUR, final.record)
    told = one(Sources(deployment=begun, summary=earlier), facts=["final_record"])
    assert told.state == "open"
    assert "2 deployments and 1 rollbacks" in one(sources, facts=["history"]).evidence
    asked = Book(old_backups=("a.dump (40 days old)",)).added_to(sources)
    assert "a.dump" in one(asked, facts=["old_backups"]).evidence


def test_what_a_person_attested_is_told_with_name_and_time() -> None:
    """Without a word it is open, whatever the suite proved."""
    word = Attested("ada", NOON, "R/signoff-1.json", NOON)
    told = one(Sources(), attested=True, word=word)
    assert told.state == "attested"
    assert told.evidence == "attested by ada, 2026-11-23 12:00:00Z (R/signoff-1.json)"
    assert one(Sources(), attested=True).state == "open"


def test_a_phase_that_has_not_begun_is_not_due() -> None:
    """Open items of it wait; what a person attested ahead of time stands."""
    told = one(Sources(), steps=["deploy.a"], after="deployment")
    assert (told.state, told.evidence) == (
        "not due",
        "there was no deployment in staging yet",
    )
    word = Attested("ada", NOON, "R", NOON)
    assert one(Sources(), attested=True, after="deployment", word=word).state == "attested"


def test_a_word_from_before_the_rollback_says_nothing_of_it() -> None:
    """The team was informed of another one."""
    word = Attested("ada", NOON, "R", NOON)
    sources = Sources(deployment=Run("D", NOON), rollback=Run("B", NOON + HOUR))
    assert one(sources, attested=True, after="rollback", word=word).state == "open"
    fresh = Attested("ada", NOON + HOUR, "B", NOON + HOUR)
    assert one(sources, attested=True, after="rollback", word=fresh).state == "attested"


def test_the_ledger_fills_in_what_the_archive_does_not_know() -> None:
    """A deployment from another machine, and a rollback of it."""
    done = {"deploy.a": StepRun("succeeded", "succeeded", "the ledger, deployment 1")}
    book = Book(Run("L", NOON), None, done)
    assert one(book.added_to(Sources()), steps=["deploy.a"]).state == "proved"
    undone = Book(Run("L", NOON), Run("L", NOON + HOUR), done)
    assert one(undone.added_to(Sources()), steps=["deploy.a"]).state == "open"


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[float, str, Record], str]:
    """A factory: close a record of staging, so many hours after noon; its name."""

    def close(hours: float, label: str, record: Record) -> str:
        told = record.having(started_at=NOON + hours * HOUR)
        pages = RecordPages(tmp_path / "templates")
        return RunningRecord.open(tmp_path, told).finish(told, label, pages).name

    return close


def deployed(outcome: Literal["succeeded", "failed"], *names: str, number: str = "1") -> Record:
    """A deployment's record whose last step ended so."""
    *done, last = steps(*((name, name, f"{name} is well") for name in names))
    subject = Subject(deployment=number, revision="r", migrations_sha256="", criteria_sha256="")
    return deployment(
        outcome="succeeded" if outcome == "succeeded" else "failed",
        provenance=provenance(subject=subject),
        steps=(*done, replace(last, outcome=outcome)),
    )


def asking(item: Item, archive_dir: Path) -> Desk:
    """A desk with a checklist of one item."""
    return Desk(Checklist(phase=(Phase(id="p", title="P", item=(item,)),)), archive_dir, None)


def test_a_deployment_that_went_on_stands_by_all_of_its_records(
    archive: Any, tmp_path: Path
) -> None:
    """What an earlier run of it did still counts; an earlier deployment's steps do not."""
    archive(-9, "DEPLOYED", deployed("succeeded", "environment", "grants", number="0"))
    first = archive(-2, "DEPLOY-FAILED", deployed("failed", "backup", "migrate"))
    second = deployed("succeeded", "backup", "migrate")
    backup = replace(second.steps[0], outcome="skipped", proved="done before, not repeated")
    archive(-1, "DEPLOYED", second.having(steps=(backup, *second.steps[1:])))
    items = tuple(
        Item(id=name, text=name, steps=(f"deploy.{name}",))
        for name in ("backup", "migrate", "grants")
    )
    phase = Phase(id="p", title="P", item=items)
    desk = Desk(Checklist(phase=(phase,)), tmp_path, None)
    (told,) = checklist_block(desk, Environment.STAGING)
    assert [item.state for item in told.items] == ["proved", "proved", "open"]
    assert first in told.items[0].evidence


def test_the_record_that_is_being_closed_counts_as_the_newest(archive: Any, tmp_path: Path) -> None:
    """Its own findings are what it shows."""
    archive(-1, "GO", gate(**answered(finding("a.b", "failed"))))
    desk = asking(Item(id="i", text="I", checks=("a.b",)), tmp_path)
    current = gate(**answered(finding("a.b", "met")))
    (told,) = checklist_block(desk, Environment.STAGING, (NOON, current))
    assert told.items[0].evidence == "1 check met (this record)"
    assert told.items[0].is_own
    (told,) = checklist_block(desk, Environment.STAGING)
    assert told.items[0].state == "failed"
    assert not told.items[0].is_own


def test_the_record_that_is_being_closed_counts_in_its_own_environment(tmp_path: Path) -> None:
    """It says nothing of another one."""
    items = tuple(
        Item(id=name.value, text="I", checks=("a.b",), environment=name) for name in Environment
    )
    desk = Desk(Checklist(phase=(Phase(id="p", title="P", item=items),)), tmp_path, None)
    current = NOON, gate(**answered(finding("a.b", "met")))
    (told,) = checklist_block(desk, Environment.STAGING, current)
    assert [item.state for item in told.items] == ["proved", "open"]
    assert [item.is_own for item in told.items] == [True, False]


def test_a_final_report_in_the_archive_proves_its_item(archive: Any, tmp_path: Path) -> None:
    """By its place there, of the latest deployment, and only when it says GO."""
    archive(-3, "DEPLOYED", deployed("succeeded", "backup"))
    desk = asking(Item(id="final", text="Final", facts=("final_record",)), tmp_path)
    (told,) = checklist_block(desk, Environment.STAGING)
    assert told.items[0].state == "open"
    name = archive(-1, "SUMMARY", gate(kind=Kind.SUMMARY))
    (told,) = checklist_block(desk, Environment.STAGING)
    assert (told.items[0].state, told.items[0].evidence) == ("proved", f"it says GO ({name})")


def test_a_record_that_cannot_be_read_hides_an_older_one(archive: Any, tmp_path: Path) -> None:
    """The newest gate may have said NO-GO: what an older one proved is open again."""
    archive(-2, "GO", gate(**answered(finding("a.b", "met"))))
    damaged = archive(-1, "NO-GO", gate(**answered(finding("a.b", "failed"))))
    (tmp_path / "staging" / damaged / "record.json").write_bytes(b"{")
    desk = asking(Item(id="i", text="I", checks=("a.b",)), tmp_path)
    (told,) = checklist_block(desk, Environment.STAGING)
    assert told.items[0].state == "open"
    assert told.items[0].evidence == f"the record cannot be read ({damaged})"
