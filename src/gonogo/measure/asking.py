"""One survey on its way: asked whole or by slices, on any of the sessions, then put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from gonogo.measure import surveys
from gonogo.measure.sharing import Job
from gonogo.measure.slices import Slice
from gonogo.measure.surveys import LOST, Survey, Table
from gonogo.postgres.reading import Session

# So many slices are asked in a row: enough to share a savepoint, few enough to end all at once.
SLICES_A_JOB = 8


@dataclass(slots=True)
class Asking:
    """What is asked of one survey, and what came of it so far.

    Args:
        survey: What is asked.
        parameters: Bound by name.
        slices: Of the window, oldest first, for a survey that is sliced.
    """

    survey: Survey
    parameters: Mapping[str, object]
    slices: Sequence[Slice] = ()
    _parts: dict[int, Table] = field(default_factory=dict)

    def jobs(self) -> Iterator[Job]:
        """What is to be done on whichever session, in any order."""
        return (partial(self._ask, number) for number in range(len(self._pieces())))

    @property
    def table(self) -> Table:
        """All rows, oldest slice first, or the first reason why some are missing."""
        reasons = (part.missing for part in self._parts.values())
        unasked = LOST if len(self._parts) < len(self._pieces()) else None
        if missing := next(filter(None, reasons), unasked):
            return Table(missing=missing)
        rows = (row for number in sorted(self._parts) for row in self._parts[number].rows)
        return Table(tuple(rows), sliced=self.survey.sliced)

    def _pieces(self) -> Sequence[Sequence[Slice]]:
        if not self.survey.sliced:
            return [()]
        starts = range(0, len(self.slices), SLICES_A_JOB)
        return [self.slices[start : start + SLICES_A_JOB] for start in starts]

    def _ask(self, number: int, session: Session) -> None:
        if any(part.missing for part in self._parts.values()):
            # Half a table is none: a survey that failed once keeps nobody waiting again.
            return
        piece = self._pieces()[number]
        self._parts[number] = surveys.run(session, self.survey, self.parameters, piece)
