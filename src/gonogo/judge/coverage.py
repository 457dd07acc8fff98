"""Coverage: whether data cover every hour of the window. Pure.

An hour without a row may be a quiet night, or a hole: a partition that was detached, a retention
that is shorter than the window, an outage of a part. It is a hole where presence would hold so long
a silence, by the days before it as by the hours after it: a night that is always quiet is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

from gonogo.judge.presence import DAY, HOUR, HOUR_S, silence_of
from gonogo.model.finding import Figures, Finding, Silence
from gonogo.model.kinds import Reason
from gonogo.model.measurement import Stream, Window

# What may be overdue is held while it lasts; what is past must be missing beyond doubt.
PAST = 2
# First and last hour, counted back from the window's end.
Run = tuple[int, int]


def hole(streams: Mapping[str, Stream], overdue_n: int) -> Figures | None:
    """The longest hole of the window; None where data cover every hour.

    Args:
        streams: By part; "" is the whole, of which a hole is told first.
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
