"""Where each item stands: by records and by what a person attested, and never by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.checklist.block import Desk, checklist_block
from gonogo.checklist.entries import Checklist, Item, Phase
from gonogo.checklist.sources import Attested, Book, Sources, StepTold, Told
from gonogo.checklist.standing import Grounds, standing
from gonogo.model.kinds import Environment
from gonogo.model.window import format_moment
from gonogo.record.archive import RunningRecord
from record_examples import gate, steps

Json = dict[str, Any]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def one(sources: Sources, *, after: Any = None, word: Attested | None = None, **item: Any) -> Json:
    """Where a single item of staging stands."""
    only = Item(id="it", text="It is so", **item)
    phase = Phase(id="p", title="P", environment=Environment.STAGING, after=after, item=(only,))
    attested = {"p.it": word} if word else {}
    grounds = Grounds({Environment.STAGING: sources}, attested, Environment.STAGING)
    ((told,),) = (each["items"] for each in standing(Checklist(phase=(phase,)), grounds))
    return dict(told)


def gated(**changes: object) -> Sources:
    """The newest gate says so."""
    return Sources(gate=Told("G", NOON, gate() | changes))


def finding(metric: str, outcome: str, reason: str = "because", role: str = "criterion") -> Json:
    """One answer."""
    name = f"{role}:{metric}"
    found = {"id": name, "metric": metric, "role": role, "outcome": outcome, "reason": reason}
    return {**found, "worsened": False}


@pytest.mark.parametrize(
    ("outcome", "state"), [("succeeded", "proved"), ("failed", "failed"), ("skipped", "open")]
)
def test_a_step_proves_by_having_succeeded(outcome: str, state: str) -> None:
    """A step that was skipped proved nothing; what it said and where stands as evidence."""
    sources = Sources({"deploy.backup": StepTold(outcome, "12 tables equal", "R")})
    told = one(sources, steps=["deploy.backup"])
    assert told["state"] == state
    assert "12 tables equal (R)" in told["evidence"]


def test_each_of_several_steps_must_have_succeeded() -> None:
    """One that nobody ran leaves the item open; a source that all share is named once."""
    done = {name: StepTold("succeeded", name[-1], "R") for name in ("deploy.a", "deploy.b")}
    told = one(Sources(done), steps=["deploy.a", "deploy.b"])
    assert (told["state"], told["evidence"]) == ("proved", "a; b (R)")
    told = one(Sources(done), steps=["deploy.a", "deploy.c"])
    assert (told["state"], told["evidence"]) == ("open", "no record of the step deploy.c")


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
        ("something new", "open"),
    ],
)
def test_checks_prove_by_being_met(outcome: str, state: str) -> None:
    """Every one of them; a warning is told; what is not known is open, never proved."""
    sources = gated(findings=[finding("a.b", "met"), finding("a.c", outcome)])
    told = one(sources, checks=["a.*"])
    assert told["state"] == state
    assert ("because" in told["evidence"]) == (outcome != "met")


def test_without_an_answer_nothing_is_proved() -> None:
    """No gate, a gate that did not ask, one from before the deployment or the rollback."""
    assert one(Sources(), checks=["a.b"])["state"] == "open"
    assert one(gated(findings=[]), checks=["a.b"])["state"] == "open"
    newer = Told("D", NOON + HOUR, {})
    met = gate() | {"findings": [finding("a.b", "met")]}
    base = Sources(gate=Told("G", NOON, met))
    for sources in (replace(base, deployment=newer), replace(base, rollback=newer)):
        told = one(sources, checks=["a.b"])
        assert told["state"] == "open"
        assert "(D)" in told["evidence"]


def test_a_deployment_that_was_rolled_back_proves_nothing() -> None:
    """Its steps went well, and nothing of it runs."""
    done = {"deploy.a": StepTold("succeeded", "well", "D")}
    told = one(Sources(done, Told("D", NOON, {}), Told("B", NOON + HOUR, {})), steps=["deploy.a"])
    assert (told["state"], "(B)" in told["evidence"]) == ("open", True)


SENT = ("smoke.manual_sync", "smoke.webhook")


@pytest.mark.parametrize(
    ("sources", "state", "told"),
    [
        (Sources(), "open", "no record of the step smoke.manual_sync"),
        (Sources(smoke=Told("S", NOON, {})), "proved", "taken (S)"),
        (Sources(smoke=Told("S", NOON, {}), deployment=Told("D", NOON - HOUR, {})), "proved", ""),
        (Sources(smoke=Told("S", NOON, {}), deployment=Told("D", NOON + HOUR, {})), "open", "(D)"),
        (
            Sources(
                smoke=Told("S", NOON, {}),
                deployment=Told("D", NOON - HOUR, {}),
                rollback=Told("B", NOON + HOUR, {}),
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
    taken = {name: StepTold("succeeded", "taken", "S") for name in SENT}
    found = one(replace(sources, steps=taken if sources.smoke else {}), steps=SENT)
    assert found["state"] == state
    assert told in found["evidence"]


@pytest.mark.parametrize(
    ("fact", "changes", "state"),
    [
        ("soak_complete", {}, "proved"),
        ("soak_complete", {"window": None}, "open"),
        ("soak_complete", {"window": gate()["window"] | {"complete": False}}, "open"),
        ("soak_complete", {"window": gate()["window"] | {"asked_s": 3600}}, "open"),
        ("trend", {"findings": [finding("a.b", "met", role="alert")]}, "proved"),
        ("trend", {"findings": [finding("a.b", "inconclusive", role="alert")]}, "open"),
        ("trend", {"findings": []}, "open"),
        (
            "trend",
            {"findings": [finding("a.b", "warning", role="alert") | {"worsened": True}]},
            "failed",
        ),
        ("health_score", {"score": {"points": 75, "band": "Good"}}, "proved"),
        ("health_score", {"score": {"points": 74, "band": "Fair"}}, "failed"),
        ("health_score", {"score": None}, "open"),
        ("soak_continuity", {"soak": {"marks": [{"name": "a", "state": "present"}]}}, "proved"),
        ("soak_continuity", {"soak": {"marks": [{"name": "a", "state": "due"}]}}, "open"),
        ("soak_continuity", {"soak": {"marks": [{"name": "a", "state": "ahead"}]}}, "open"),
        ("soak_continuity", {"soak": {"marks": [{"name": "a", "state": "missing"}]}}, "failed"),
        ("soak_continuity", {"soak": None}, "open"),
        ("final_record", {}, "open"),
        ("history", {}, "open"),
        ("old_backups", {}, "open"),
    ],
)
def test_a_fact_of_the_newest_gate(fact: str, changes: Json, state: str) -> None:
    """Shown by the record itself; where it does not tell, the item is open."""
    assert one(gated(**changes), facts=[fact])["state"] == state


def test_what_records_and_ledger_show_together() -> None:
    """The final report, the history, and the backups past their retention."""
    deployment, final = Told("D", NOON, {}), Told("S", NOON + HOUR, {"verdict": {"kind": "GO"}})
    sources = Sources(deployment=deployment, summary=final, deployments=2, rollbacks=1)
    assert one(sources, facts=["final_record"])["state"] == "proved"
    earlier = Told("S", NOON - HOUR, final.document)
    told = one(Sources(deployment=deployment, summary=earlier), facts=["final_record"])
    assert told["state"] == "open"
    assert "2 deployments and 1 rollbacks" in one(sources, facts=["history"])["evidence"]
    asked = Book(old_backups=("a.dump (40 days old)",)).added_to(sources)
    assert "a.dump" in one(asked, facts=["old_backups"])["evidence"]


def test_what_a_person_attested_is_told_with_name_and_time() -> None:
    """Without a word it is open, whatever the suite proved."""
    word = Attested("ada", NOON, "R/signoff-1.json", NOON)
    told = one(Sources(), attested=True, word=word)
    assert told["state"] == "attested"
    assert told["evidence"] == "attested by ada, 2026-11-23 12:00:00Z (R/signoff-1.json)"
    assert one(Sources(), attested=True)["state"] == "open"


def test_a_phase_that_has_not_begun_is_not_due() -> None:
    """Open items of it wait; what a person attested ahead of time stands."""
    told = one(Sources(), steps=["deploy.a"], after="deployment")
    assert (told["state"], told["evidence"]) == (
        "not due",
        "there was no deployment in staging yet",
    )
    word = Attested("ada", NOON, "R", NOON)
    assert one(Sources(), attested=True, after="deployment", word=word)["state"] == "attested"


def test_a_word_from_before_the_rollback_says_nothing_of_it() -> None:
    """The team was told of another one."""
    word = Attested("ada", NOON, "R", NOON)
    sources = Sources(deployment=Told("D", NOON, {}), rollback=Told("B", NOON + HOUR, {}))
    assert one(sources, attested=True, after="rollback", word=word)["state"] == "open"
    fresh = Attested("ada", NOON + HOUR, "B", NOON + HOUR)
    assert one(sources, attested=True, after="rollback", word=fresh)["state"] == "attested"


def test_the_ledger_fills_in_what_the_archive_does_not_know() -> None:
    """A deployment from another machine, and a rollback of it."""
    done = {"deploy.a": StepTold("succeeded", "succeeded", "the ledger, deployment 1")}
    book = Book(Told("L", NOON, {}), None, done)
    assert one(book.added_to(Sources()), steps=["deploy.a"])["state"] == "proved"
    undone = Book(Told("L", NOON, {}), Told("L", NOON + HOUR, {}), done)
    assert one(undone.added_to(Sources()), steps=["deploy.a"])["state"] == "open"


@pytest.fixture
def archive(tmp_path: Path, templates_dir: Path) -> Any:
    """A factory: close a record of staging, so many hours after noon."""

    def close(hours: float, label: str, **document: object) -> str:
        known = {"started_at": format_moment(NOON + hours * HOUR), "state": "complete"} | document
        running = RunningRecord.open(tmp_path, "staging", known)
        return running.finish(known, label, templates_dir).name

    return close


@pytest.fixture
def templates_dir(pytestconfig: pytest.Config) -> Path:
    """The project's own templates."""
    return pytestconfig.rootpath / "reports" / "templates"


def deployed(outcome: str, *names: str, deployment: str = "1") -> Json:
    """A deployment's record whose last step ended so."""
    done = steps(*((name, name, f"{name} is well") for name in names))
    done[-1]["outcome"] = outcome
    return {
        "kind": "deployment",
        "outcome": "succeeded" if outcome == "succeeded" else "failed",
        "subject": {"deployment": deployment, "revision": "r"},
        "steps": done,
    }


def test_a_deployment_that_went_on_stands_by_all_of_its_records(
    archive: Any, tmp_path: Path
) -> None:
    """What an earlier run of it did still counts; an earlier deployment's steps do not."""
    archive(-9, "DEPLOYED", **deployed("succeeded", "environment", "grants", deployment="0"))
    first = archive(-2, "DEPLOY-FAILED", **deployed("failed", "backup", "migrate"))
    second = deployed("succeeded", "backup", "migrate")
    second["steps"][0] |= {"outcome": "skipped", "proved": "done before, not repeated"}
    archive(-1, "DEPLOYED", **second)
    items = tuple(
        Item(id=name, text=name, steps=(f"deploy.{name}",))
        for name in ("backup", "migrate", "grants")
    )
    phase = Phase(id="p", title="P", item=items)
    desk = Desk(Checklist(phase=(phase,)), tmp_path, None)
    (told,) = checklist_block(desk, Environment.STAGING)
    assert [item["state"] for item in told["items"]] == ["proved", "proved", "open"]
    assert first in told["items"][0]["evidence"]


def test_the_record_that_is_being_closed_counts_as_the_newest(archive: Any, tmp_path: Path) -> None:
    """Its own findings are what it shows."""
    archive(-1, "GO", **gate() | {"findings": [finding("a.b", "failed")]})
    item = Item(id="i", text="I", checks=("a.b",))
    desk = Desk(Checklist(phase=(Phase(id="p", title="P", item=(item,)),)), tmp_path, None)
    document = gate() | {"findings": [finding("a.b", "met")]}
    (told,) = checklist_block(desk, Environment.STAGING, (NOON, document))
    assert told["items"][0]["evidence"] == "1 check met (this record)"
    (told,) = checklist_block(desk, Environment.STAGING)
    assert told["items"][0]["state"] == "failed"


def test_a_final_report_in_the_archive_proves_its_item(archive: Any, tmp_path: Path) -> None:
    """By its place there, of the latest deployment, and only when it says GO."""
    archive(-3, "DEPLOYED", **deployed("succeeded", "backup"))
    item = Item(id="final", text="Final", facts=("final_record",))
    desk = Desk(Checklist(phase=(Phase(id="p", title="P", item=(item,)),)), tmp_path, None)
    (told,) = checklist_block(desk, Environment.STAGING)
    assert told["items"][0]["state"] == "open"
    name = archive(-1, "SUMMARY", **gate() | {"kind": "summary"})
    (told,) = checklist_block(desk, Environment.STAGING)
    assert (told["items"][0]["state"], told["items"][0]["evidence"]) == (
        "proved",
        f"it says GO ({name})",
    )
