"""The checklist after a deployment: the phase that its reader is in first, the rest in a line."""

from __future__ import annotations

from pathlib import Path

from gonogo.cli.checklist import checklist_lines
from gonogo.model.kinds import ItemState
from gonogo.model.record import ItemEntry, PhaseEntry
from gonogo.record.canonical import written
from record_examples import deployment


def phase(name: str, *items: tuple[str, str]) -> PhaseEntry:
    """A phase with items in these states, with this evidence."""
    told = tuple(
        ItemEntry(
            id=f"{name}.{n}",
            text=f"Item {n}",
            how="proved",
            state=ItemState(state),
            evidence=evidence,
            is_own="(this record)" in evidence,
        )
        for n, (state, evidence) in enumerate(items)
    )
    return PhaseEntry(phase=name, title=name.capitalize(), items=told)


def lines(tmp_path: Path, only: str = "") -> list[str]:
    """What is shown of a deployment's record."""
    mine = ("proved", "it is so (this record)")
    phases = (
        phase("pre", mine, ("open", "")),
        phase("staging", mine, ("failed", "it is not (this record)"), ("attested", "by ada")),
        phase("soak", ("open", "no gate was run since the deployment (this record)")),
        phase("rollback", ("not due", "there was none"), ("proved", "so (another)"), ("open", "")),
    )
    record = tmp_path / "record.json"
    record.write_bytes(written(deployment(checklist=phases)))
    return checklist_lines(record, only)


def test_the_phases_of_this_record_come_first_with_what_is_not_settled(tmp_path: Path) -> None:
    """The last of them before the first; of all others only how far they are."""
    assert lines(tmp_path) == [
        "Staging: 1 proved, 1 attested, 1 failed",
        "  ✗ Item 1 (staging.1)",
        "Pre: 1 proved, 1 open",
        "  ○ Item 1 (pre.1)",
        "Soak: 1 open",
        "Rollback: 1 proved, 1 open, 1 not due",
        "gonogo checklist shows every item, with its evidence",
    ]


def test_the_one_phase_that_is_asked_for_is_told_whole(tmp_path: Path) -> None:
    """After a rollback each of its items counts, settled or not."""
    assert lines(tmp_path, "rollback") == [
        "Rollback: 1 proved, 1 open, 1 not due",
        "  - Item 0 (rollback.0)",
        "  ✓ Item 1 (rollback.1)",
        "  ○ Item 2 (rollback.2)",
    ]
