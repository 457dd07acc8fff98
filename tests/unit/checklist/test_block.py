"""The checklist as a record holds it: which environment an item is about, and when it is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.checklist.entries import Checklist, Desk, Item, Phase
from gonogo.checklist.sources import Attested, Book, RecordedRun, Run, Sources, StepRun
from gonogo.checklist.standing import Grounds, checklist_block, standings
from gonogo.model.kinds import Environment
from gonogo.model.record import ItemEntry
from paper_office import open_paper_office
from record_examples import deployment, gate
from signers import ADA

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAGING, PRODUCTION = Environment.STAGING, Environment.PRODUCTION
DONE = {"deploy.a": StepRun("succeeded", "a", "R")}
WORD = Attested("ada", NOON, "R/signoff-1.json", NOON)


def stands(sources: Sources, word: Attested | None = None, **phase: Any) -> ItemEntry:
    """Where the one item of a phase stands; staging's sources, and none of production."""
    item = Item(id="it", text="It is so", **phase.pop("item", {"steps": ("deploy.a",)}))
    only = Phase(id="p", title="P", item=(item,), **phase)
    grounds = Grounds({STAGING: sources}, {"p.it": word} if word else {}, STAGING)
    ((told,),) = (each.items for each in standings(Checklist(phase=(only,)), grounds))
    return told


def test_an_item_is_about_the_environment_that_is_asked() -> None:
    """Where neither it nor its phase names one."""
    assert stands(Sources(DONE)).state == "proved"


def test_a_phase_names_the_environment_of_its_items() -> None:
    """Another environment's records say nothing of it."""
    assert stands(Sources(DONE), environment=PRODUCTION).state == "open"


def test_an_item_names_an_environment_of_its_own() -> None:
    """Against its phase."""
    item = {"steps": ("deploy.a",), "environment": STAGING}
    assert stands(Sources(DONE), environment=PRODUCTION, item=item).state == "proved"


@pytest.mark.parametrize("after", ["deployment", "gate", "rollback"])
def test_a_phase_whose_time_has_not_come_is_not_due(after: str) -> None:
    """Even where its item is proved already."""
    found = stands(Sources(DONE), after=after)
    assert (found.state, found.evidence) == ("not due", f"there was no {after} in staging yet")


@pytest.mark.parametrize("after", ["deployment", "gate", "rollback"])
def test_a_phase_whose_time_has_come_is_due(after: str) -> None:
    """Its open item is open."""
    begun: dict[str, Any] = {after: RecordedRun("R", NOON, gate())}
    assert stands(Sources(**begun), after=after, item={"facts": ("history",)}).state == "open"


def test_a_word_on_a_rollback_that_never_was_proves_nothing() -> None:
    """The item waits for the rollback."""
    found = stands(Sources(), WORD, after="rollback", item={"attested": True})
    assert found.state == "not due"


def test_a_rollback_takes_back_no_word_on_another_phase() -> None:
    """What was attested before it stands."""
    sources = Sources(rollback=Run("B", NOON + HOUR))
    assert stands(sources, WORD, item={"attested": True}).state == "attested"


def test_a_word_given_in_the_second_of_the_rollback_counts() -> None:
    """A record's name holds its moment to the second."""
    sources = Sources(rollback=Run("B", NOON + timedelta(milliseconds=900)))
    found = stands(sources, WORD, after="rollback", item={"attested": True})
    assert found.state == "attested"


def test_an_item_that_this_record_proves_in_part_is_its_own() -> None:
    """Together with another record."""
    steps = DONE | {"deploy.b": StepRun("succeeded", "b", "this record")}
    found = stands(Sources(steps), item={"steps": ("deploy.a", "deploy.b")})
    assert (found.is_own, stands(Sources(DONE)).is_own) == (True, False)


def desk(archive: Path, allowed: Path | None = None, **item: Any) -> Desk:
    """A checklist of one item over this archive."""
    only = Phase(id="soak", title="P", item=(Item(id="complaints", text="None", **item),))
    return Desk(Checklist(phase=(only,)), archive, allowed)


def test_what_the_ledger_says_counts_beside_the_records(tmp_path: Path) -> None:
    """In the environment whose database it is."""
    here = desk(tmp_path, steps=("deploy.a",))
    book = Book(Run("L", NOON), None, DONE)
    (proved,) = checklist_block(here, STAGING, books={STAGING: book})
    (open_,) = checklist_block(here, STAGING, books={PRODUCTION: book})
    assert [phase.items[0].state for phase in (proved, open_)] == ["proved", "open"]


@pytest.mark.parametrize(("hours", "state"), [(-1, "attested"), (0, "attested"), (1, "open")])
def test_a_word_from_before_this_rollout_says_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int, state: str
) -> None:
    """The rollout begins with its deployment, to the second."""
    office = open_paper_office(tmp_path, monkeypatch)
    record = office.close()
    office.sign(record, attest=["soak.complaints"])
    here = desk(office.archive, office.allowed, attested=True)
    began = datetime.strptime(record.name.partition("_")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    began += hours * HOUR + timedelta(milliseconds=500)
    (told,) = checklist_block(here, STAGING, (began, deployment()))
    assert told.items[0].state == state
    assert (ADA in told.items[0].evidence) is (state == "attested")
