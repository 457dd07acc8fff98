"""Figures as people read them: the one place where a number becomes text.

One digit after the point, and more where it takes more: a figure never reads as if it lay on a
limit, or on its other side, when it does not. 26.04 h against ``<= 26 h`` reads 26.04 h.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from gonogo.model.limit import UNITS, Interval, Limit
from gonogo.model.measurement import Count

# A limit that is nearer than this is as good as met; its judgement stays exact.
MOST_DIGITS = 12


class Metric(Protocol):
    """What must be known of a metric to write its figures down."""

    @property
    def kind(self) -> str:
        """Rate, census, quantity, answer or top."""

    @property
    def unit(self) -> str:
        """A key of `UNITS`."""

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Every limit that its value is held against."""


def show_value(metric: Metric, count: Count | None, value: Fraction | None) -> str:
    """A count or a quantity in the unit that the metric's limits are written in."""
    if count is not None:
        return show_count(count, metric.limits)
    if value is None:
        return "no data"
    if metric.kind == "answer":
        return "yes" if value else "no"
    scale = UNITS[metric.unit][1]
    scaled = value / scale
    whole = scaled.denominator == 1
    number = str(scaled) if whole else _decimal(value, scale, metric.limits, round)
    return f"{number} {metric.unit}".strip()


def show_count(count: Count, limits: Iterable[Limit] = ()) -> str:
    """Such as ``97.5 % (195 of 200)``.

    Args:
        count: K of n.
        limits: What the share is held against.
    """
    if count.share is None:
        return "0 of 0"
    return f"{show_share(count.share, limits)} ({count.k} of {count.n})"


def show_share(share: Fraction, limits: Iterable[Limit] = ()) -> str:
    """Such as ``97.5 %``, cut off rather than rounded up so that 94.99 % never reads 95.0 %.

    Args:
        share: Of 1.
        limits: What it is held against.
    """
    return f"{_decimal(share, UNITS['%'][1], limits, math.floor)} %"


def show_interval(interval: Interval, limits: Iterable[Limit] = ()) -> str:
    """Such as ``95.1 to 98.9 %``.

    Args:
        interval: Of shares.
        limits: What it is held against.
    """
    held = tuple(limits)
    ends = (Fraction(end) for end in (interval.low, interval.high))
    low, high = (_decimal(end, UNITS["%"][1], held, round) for end in ends)
    return f"{low} to {high} %"


def _decimal(
    value: Fraction, scale: Fraction, limits: Iterable[Limit], to_integer: Callable[[Fraction], int]
) -> str:
    """`value` in `scale`, with as many digits as show on which side of each limit it lies."""
    exact = value / scale
    ends = [end / scale for limit in limits for end in limit.ends]
    sides = [_side(exact, end) for end in ends]
    for digits in range(1, MOST_DIGITS):
        shown = Fraction(to_integer(exact * 10**digits), 10**digits)
        if [_side(shown, end) for end in ends] == sides:
            break
    return f"{Decimal(to_integer(exact * 10**digits)).scaleb(-digits):f}"


def _side(value: Fraction, end: Fraction) -> int:
    return (value > end) - (value < end)
