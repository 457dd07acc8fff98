"""The databases of a fleet on a record's page: each by its own evidence, the worst first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, repeat

from gonogo.model.finding import JudgedMember, MemberFigure
from gonogo.model.measurement import HourCount
from gonogo.model.record import Record
from gonogo.report.cards import Card
from gonogo.report.charts import small_charts
from gonogo.report.digest import own_reason
from gonogo.report.english import remark_of, show_share
from gonogo.report.sentences import NOT_JUDGED, OUTCOMES, VERDICTS, Look
from gonogo.report.text import counted, of

# Of many databases so many are shown at once; the others are folded.
MOST_MEMBERS, MOST_CHARTS = 8, 6
RANKS = {name: place for place, name in enumerate(OUTCOMES)}


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One database of a fleet.

    Args:
        member: What the record says of it.
        look: The verdict by its own evidence.
        why: What makes it worst; why it was not judged.
    """

    member: JudgedMember
    look: Look
    why: str


@dataclass(frozen=True, slots=True)
class MemberFigures:
    """A metric in one database of a fleet.

    Args:
        name: The database.
        value: Its share; empty where it has none.
        of: Of how many; why there is none.
        look: The worst of its checks; None where none is asked.
        path: Its hours, on the axis of all that are drawn; empty without.
    """

    name: str
    value: str
    of: str
    look: Look | None
    path: str = ""


def member_rows(record: Record) -> Sequence[MemberRow]:
    """Each database of the fleet, as the record has them: the worst first."""
    return [
        MemberRow(
            one, VERDICTS[one.verdict] if one.verdict else NOT_JUDGED, "; ".join(_why(record, one))
        )
        for one in record.members
    ]


def _why(record: Record, one: JudgedMember) -> Iterator[str]:
    yield own_reason(record, one) or "past no limit by itself"
    others = len({finding.metric for finding in one.findings}) - 1
    if others > 0:
        yield f"and {counted(others, 'more metric')}"


def tally_of(record: Record) -> str:
    """How many databases say what by their own evidence."""
    looks = [row.look.word for row in member_rows(record)]
    said = [f"{looks.count(word)} {word}" for word in dict.fromkeys(looks)]
    return f"{counted(len(looks), 'database')}: {', '.join(said)}"


@dataclass(frozen=True, slots=True)
class ByDatabase:
    """A metric in each database of a fleet.

    Args:
        shown: The worst, each with its hours.
        folded: The others, without.
        axis: What the axis of all hours spans; empty where no hour is drawn.
        width: Of each drawing.
    """

    shown: Sequence[MemberFigures]
    folded: Sequence[MemberFigures]
    axis: str
    width: int


def by_database(record: Record, card: Card) -> ByDatabase:
    """A metric by database: what is past a limit first, then as the record has them.

    Args:
        record: Of a fleet.
        card: The metric's.
    """
    metric, hours = card.metric, [one.start for one in record.measurements[card.metric].hourly]
    every = [(one.name, one.figures[metric]) for one in record.members if metric in one.figures]
    if not any(figure.count for _, figure in every):
        return ByDatabase((), (), "", 0)
    every.sort(key=lambda pair: RANKS.get(pair[1].outcome or "", len(RANKS)))
    series = [
        [HourCount(start, count) for start, count in zip(hours, figure.hourly, strict=False)]
        for _, figure in every[:MOST_CHARTS]
    ]
    paths, axis = small_charts(series, record.window)
    rows = [
        _figures(record, metric, name, figure, path)
        for (name, figure), path in zip(every, chain(paths, repeat("")), strict=False)
    ]
    width = card.chart.width if card.chart else 0
    return ByDatabase(rows[:MOST_CHARTS], rows[MOST_CHARTS:], axis if width else "", width)


def _figures(
    record: Record, metric: str, name: str, figure: MemberFigure, path: str
) -> MemberFigures:
    count = figure.count if figure.count and figure.count.n else None
    return MemberFigures(
        name,
        show_share(count.share or Fraction(0), record.metrics[metric].limits) if count else "",
        of(count) if count else remark_of(figure.missing) if figure.missing else "",
        OUTCOMES[figure.outcome] if figure.outcome else None,
        path,
    )
