"""Trickles: whether a stream that still has a row now and then flows no more. Pure.

A dead writer may go on with one row an hour, and no silence is long then. So each hour is looked at
without its first few events, a twentieth of what is usual and at least two: what is left of a
stream that flows is a stream as well, and presence judges its silence as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gonogo.judge.coverage import PAST
from gonogo.judge.presence import HOUR, HOUR_S, NIGHT, silence_of
from gonogo.model.finding import Figures
from gonogo.model.measurement import Stream

# In one clock hour two rows may lie of a writer that writes one an hour.
LEAST_FEW = 2
# Of fewer events in a usual hour, too few would be left.
LEAST_USUAL = 20


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
