"""What a command shows in the terminal: one line a step, with its time and what it proved.

On a terminal the running step has a spinner, and a long line is wrapped between words; elsewhere
only finished lines are printed, each in one piece, so that a CI log reads from top to bottom and
can be searched. Text from a database or a command is escaped, so that it cannot control a terminal.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from rich.cells import cell_len
from rich.console import Console
from rich.rule import Rule
from rich.status import Status
from rich.text import Text

from gonogo.masking import Mask
from gonogo.model.step import StepEvent, StepKind
from gonogo.report.text import BAD, GOOD, QUIET, cut, visible

MARKS = {
    StepKind.FINISHED: ("✓", GOOD),
    StepKind.SKIPPED: ("-", QUIET),
    StepKind.FAILED: ("✗", f"bold {BAD}"),
    StepKind.NOTE: (" ", QUIET),
}
TITLE_WIDTH = 44
# Where a line that goes on below goes on: behind what it begins with, be it a mark or a label.
HANGING = re.compile(r" *(?:[^\w\s] |[^ ]+ {2,}(?! ))?")
NARROW_INDENT = 4
GAP_AND_WORD = re.compile(r"( *)([^ ]+)")
WIDTH_WITHOUT_TERMINAL = 120
# Of a cell.
MOST_CHARACTERS = 300


@dataclass(slots=True)
class Task:
    """A piece of work that `Narration.doing` shows; the block sets what it proved."""

    proved: str = ""


@dataclass(slots=True)
class Narration:
    """Shows what happens now, how long it took and what it proved.

    Args:
        console: Where it is shown.
        streams: Whether the output of commands is shown too.
        mask: Hides the secrets of every text.
    """

    console: Console
    streams: bool = False
    mask: Mask = field(default_factory=lambda: Mask({}))
    _status: Status | None = field(default=None, repr=False)

    @classmethod
    def to_terminal(cls, *, streams: bool = False) -> Self:
        """Show it on standard output.

        Args:
            streams: Whether the output of commands is shown too.
        """
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)
        return cls(console, streams, Mask.of(os.environ))

    def chapter(self, title: str) -> None:
        """Begin a part, under a title."""
        self.console.print()
        self.console.print(Rule(Text(title, "bold"), align="left", style=QUIET))

    def say(self, text: str, style: str = "", *, whole: bool = False) -> None:
        """Show a line.

        Args:
            text: The line.
            style: Its style.
            whole: Whether somebody will copy it: then it stays in one piece on a terminal too.
        """
        shown = self._shown(text)
        self.console.print(Text(shown if whole else self._wrapped(shown), style), soft_wrap=True)

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Show rows in columns, each row on one line, however narrow the terminal is."""
        shown = [[cut(cell, MOST_CHARACTERS) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        for row in shown:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.say(f"  {'  '.join(cells).rstrip()}")

    @contextmanager
    def doing(self, title: str) -> Iterator[Task]:
        """Show a piece of work that is not a rollout's step.

        Args:
            title: What happens now.
        """
        started, task = time.monotonic(), Task()
        self(StepEvent(StepKind.STARTED, title, title))
        try:
            yield task
        except BaseException:
            self._end()
            self._line(StepKind.FAILED, title, time.monotonic() - started, "")
            raise
        elapsed_s = time.monotonic() - started
        self(StepEvent(StepKind.FINISHED, title, title, elapsed_s, task.proved))

    def __call__(self, event: StepEvent) -> None:
        """Show an event of a rollout."""
        match event.kind:
            case StepKind.STARTED:
                self._begin(event.title)
            case StepKind.PROGRESS:
                share = "" if event.share is None else f" {event.share:.0%}"
                self._begin(f"{event.title}{share}")
            case StepKind.FINISHED | StepKind.SKIPPED | StepKind.FAILED:
                self._end()
                self._line(event.kind, event.title, event.elapsed_s, event.proved)
            case StepKind.NOTE:
                self._line(event.kind, event.title, None, "")
            case StepKind.OUTPUT:
                # The log keeps it in any case.
                if self.streams:
                    self.say(f"    │ {event.title}", QUIET, whole=True)

    def _shown(self, text: str) -> str:
        """A text without the session's secrets, in which nothing hides."""
        return visible(self.mask(text))

    def _begin(self, title: str) -> None:
        if not self.console.is_terminal:
            return
        shown = Text(self._shown(title))
        if self._status is None:
            self._status = self.console.status(shown, spinner_style=GOOD)
            self._status.start()
        else:
            self._status.update(shown)

    def _end(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, kind: StepKind, title: str, elapsed_s: float | None, proved: str) -> None:
        mark, style = MARKS[kind]
        begins, took = f"  {mark} ", "" if elapsed_s is None else f"{elapsed_s:6.2f} s"
        shown = self._shown(title)
        more = f"{shown:<{TITLE_WIDTH}}{took}  {self._shown(proved)}" if took else shown
        line = Text(self._wrapped(f"{begins}{more}"))
        line.stylize(style, 0, len(begins))
        if took and (at := line.plain.find(took)) >= 0:
            line.stylize(QUIET, at, at + len(took))
            line.stylize(f"bold {BAD}" if kind is StepKind.FAILED else "", at + len(took))
        self.console.print(line, soft_wrap=True)

    def _wrapped(self, text: str) -> str:
        """On a terminal, broken between words; a word longer than the line is left as it is."""
        if not self.console.is_terminal:
            return text
        begins = HANGING.match(text)
        indent = begins.end() if begins else 0
        if indent > self.console.width // 2:
            # Behind a long label there is no room.
            indent = NARROW_INDENT
        lines, line = [], ""
        for gap, word in GAP_AND_WORD.findall(text):
            fits = cell_len(line + gap + word) <= self.console.width
            could_fit = indent + cell_len(word) <= self.console.width
            if fits or not could_fit or not line.strip():
                line += gap + word
            else:
                lines.append(line)
                line = " " * indent + word
        return "\n".join([*lines, line])
