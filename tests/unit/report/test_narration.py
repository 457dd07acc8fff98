"""What a terminal shows of a rollout: lines that break between words; in CI, whole ones."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from gonogo.model.step import StepEvent, StepKind
from gonogo.report.narration import Narration

PATH = "/srv/archive/staging/20261123T141500Z_GO/" + "deep/" * 20 + "record.html"
Tell = Callable[[Narration], None]


def told(tell: Tell, width: int | None) -> list[str]:
    """What is printed on a terminal of that width; None is no terminal."""
    stream = io.StringIO()
    console = Console(
        file=stream, width=width or 120, force_terminal=width is not None, color_system=None
    )
    tell(Narration(console))
    return stream.getvalue().splitlines()


def step(proved: str, kind: StepKind = StepKind.FINISHED) -> Tell:
    """Tell how a step ended."""
    return lambda narration: narration(
        StepEvent(kind, "backup", "Back up the database and prove the backup", 0.46, proved)
    )


@pytest.mark.parametrize("width", [40, 59, 80, 120])
@pytest.mark.parametrize("kind", [StepKind.FINISHED, StepKind.FAILED, StepKind.SKIPPED])
def test_a_terminal_breaks_lines_between_words(width: int, kind: StepKind) -> None:
    """None is wider than it, no word is cut, and what goes on below stands behind the mark."""
    proved = "backup_staging.dump, 1.1 MB, restored: 15,794 rows in 8 tables equal to those before"
    lines = told(step(proved, kind), width)
    assert max(map(len, lines)) <= width
    assert len(lines) > 1
    assert {line[:4] for line in lines[1:]} == {" " * 4}
    assert " ".join(lines).split() == told(step(proved, kind), None)[0].split()


@pytest.mark.parametrize(
    ("text", "below"),
    [
        ("  next      " + "monitor staging until the soak is over, " * 3, 12),
        ("            " + "sign the record, then deploy to production " * 3, 12),
        ("    ✗ " + "signoff-1.json: record.html was changed since it was signed " * 2, 6),
        ("    " + "a reason that is told at some length, and then some more " * 2, 4),
    ],
)
def test_what_is_said_hangs_behind_its_label(text: str, below: int) -> None:
    """Be it a label, a mark, or an indent alone."""
    first, *more = told(lambda narration: narration.say(text), 80)
    assert more
    assert len(first) <= 80
    for line in more:
        assert len(line) - len(line.lstrip()) == below


def test_what_somebody_will_copy_stays_in_one_piece() -> None:
    """A path longer than the line, a command that is said to be whole, everything in CI."""
    assert told(lambda narration: narration.say(f"  record    {PATH}"), 80) == [
        f"  record    {PATH}"
    ]
    command = "    NODE_ENV=staging " + "pytest checks/ --window=48h " * 5
    assert told(lambda narration: narration.say(command, whole=True), 80) == [command]
    assert told(lambda narration: narration.say(command), None) == [command]
