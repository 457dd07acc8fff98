"""Coverage: whether data cover every hour of the window, and cover it as usual. Pure.

An hour without a row may be a quiet night, or a hole: a partition that was detached, a retention
that is shorter than the window, an outage of a part. It is a hole where presence would hold so long
a silence, by the days before it as by the hours after it: a night that is always quiet is none.

A dead writer may go on with one row an hour, and no silence is long then: a trickle. So each hour
is looked at without its first few events, a twentieth of what is usual and at least two: what is
left of a stream that flows is a stream as well, and presence judges its silence as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

from gonogo.judge.presence import DAY, HOUR, HOUR_S, NIGHT, silence_of
from gonogo.model.finding import Figures, Finding, Silence
from gonogo.model.kinds import Reason
from gonogo.model.measurement import Stream, Window

# What may be overdue is held while it lasts; what is past must be missing beyond doubt.
PAST = 2
# In one clock hour two rows may lie of a writer that writes one an hour.
LEAST_FEW = 2
# Of fewer events in a usual hour, too few would be left.
LEAST_USUAL = 20
# First and last hour, counted back from the window's end.
Run = tuple[int, int]


def hole(streams: Mapping[str, Stream], overdue_n: int) -> Figures | None:
    """The longest hole of the window; None where data cover every hour.

    Args:
        streams: By part; "" is the whole, whose hole comes first.
        overdue_n: How many events must be missing.
    """
    found = [
        Figures(silence=silence, since=stream.until - run[1] * HOUR, part=name)
        for name, stream in streams.items()
        for run in _empty(stream, overdue_n)
        if (silence := _missing(stream, run)) and silence.independent >= PAST * overdue_n
    ]
    return max(found, key=_length, default=None)


def lessened(window: Window, findings: Iterable[Finding]) -> Window:
    """The window without its longest hole: what is not covered is no soak.

    Args:
        window: What was judged.
        findings: What every check answered.
    """
    holes = [one.figures for one in findings if one.reason is Reason.NOT_COVERED]
    longest, _ = max(map(_length, holes), default=(0, True))
    return replace(window, lacking=timedelta(seconds=longest))


def _length(figures: Figures) -> tuple[int, bool]:
    return figures.silence.silent_s if figures.silence else 0, not figures.part


def _empty(stream: Stream, overdue_n: int) -> Iterator[Run]:
    """The runs of empty hours of the window in which enough may be missing.

    The newest is presence's to judge: nothing has come since.
    """
    busiest = [max(stream.hours[hour::DAY], default=0) for hour in range(DAY)]
    begin = 0
    for is_empty, run in groupby(stream.hours[: stream.judged], key=lambda n: not n):
        end = begin + len(tuple(run))
        most = sum(busiest[hour % DAY] for hour in range(begin, end))
        if is_empty and begin and most >= overdue_n:
            yield begin, end
        begin = end


def _missing(stream: Stream, run: Run) -> Silence | None:
    """What should have come in a run, by the days before it and by the hours after it."""
    begin, end = run
    silent = replace(
        stream,
        until=stream.until - begin * HOUR,
        last_at=stream.until - end * HOUR,
        hours=stream.hours[begin:],
        first_s=stream.first_s[begin:],
        last_s=stream.last_s[begin:],
    )
    # Of the hours after it, time runs backwards.
    mirrored = replace(
        silent,
        hours=stream.hours[end - 1 :: -1],
        first_s=tuple(HOUR_S - second for second in stream.last_s[end - 1 :: -1]),
        last_s=tuple(HOUR_S - second for second in stream.first_s[end - 1 :: -1]),
    )
    sides = (silent, mirrored)
    known = [one for one in sides if _busy(one.hours) >= DAY]
    known = known or [max(sides, key=lambda one: _busy(one.hours))]
    found = filter(None, map(silence_of, known))
    return min(found, key=lambda silence: silence.independent, default=None)


def _busy(hours: Sequence[int]) -> int:
    return sum(map(bool, hours))


def trickle(streams: Mapping[str, Stream], overdue_n: int) -> Figures | None:
    """The stream of which most is overdue beside what still comes; None where all flow.

    Args:
        streams: By part; "" is the whole.
        overdue_n: Of how many overdue events it takes twice as many: some came.
    """
    found = [
        Figures(silence=silence, since=left.last_at, part=name)
        for name, one in streams.items()
        if (left := _without_trickle(one)) and (silence := silence_of(left))
        if silence.independent >= PAST * overdue_n
    ]
    return max(found, key=lambda one: one.silence.independent if one.silence else 0, default=None)


def _without_trickle(stream: Stream) -> Stream | None:
    """The stream without the first few events of each hour; None where too few would be left."""
    # Of the hours in which events came, each counts by its events: a long trickle changes little.
    usual = sum(n * n for n in stream.hours) / (sum(stream.hours) or 1)
    if usual < LEAST_USUAL:
        return None
    few = max(LEAST_FEW, int(usual * NIGHT))
    hours = tuple(max(0, n - few) for n in stream.hours)
    newest = next(hour for hour, n in enumerate(hours) if n)
    before_end = (newest + 1) * HOUR - stream.last_s[newest] * HOUR / HOUR_S
    return replace(stream, hours=hours, last_at=stream.until - before_end)
