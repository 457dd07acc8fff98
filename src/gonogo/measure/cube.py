"""Sums over the rows of a survey. Pure; what is counted is said by the criteria, not by code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from gonogo.criteria import Filter
from gonogo.measure.session import Row
from gonogo.model import Count, HourCount

Selector = str | Filter
Sums = Callable[[Sequence[Row]], Mapping[str, int]]


def amount(row: Row, selector: Selector) -> int:
    """What one row adds: a column's value, or its ``n`` where the filter lets it pass."""
    return total((row,), selector)


def total(rows: Iterable[Row], selector: Selector) -> int:
    """What all rows add; plain loops, for a cube of two weeks has thousands of rows."""
    if isinstance(selector, str):
        return sum(integer(row[selector]) for row in rows)
    passing = rows
    for column, wanted in selector.items():
        passing = [row for row in passing if row[column] in wanted]
    return sum(integer(row["n"]) for row in passing)


def count(rows: Sequence[Row], part: Selector, whole: Selector) -> Count:
    """K of n over all rows."""
    return Count(total(rows, part), total(rows, whole))


def by(rows: Sequence[Row], column: str, part: Selector, whole: Selector) -> dict[str, Count]:
    """K of n by the values of a column, null left out, sorted by name."""
    groups = _grouped(rows, lambda row: row[column])
    return {
        str(name): count(groups[name], part, whole)
        for name in sorted(groups, key=str)
        if name is not None
    }


def hourly(
    rows: Sequence[Row], starts: Iterable[datetime], part: Selector, whole: Selector
) -> tuple[HourCount, ...]:
    """K of n of every hour of the window, also of those without a row: a gap must be seen."""
    groups = _grouped(rows, _hour)
    return tuple(HourCount(start, count(groups.get(start, ()), part, whole)) for start in starts)


def hourly_parts(
    rows: Sequence[Row], starts: Sequence[datetime], names: Iterable[str], sums: Sums
) -> dict[str, tuple[int, ...]]:
    """The breakdown of every hour of the window, aligned with `hourly`.

    Args:
        rows: Of one sliced survey.
        starts: The hours.
        names: Of the whole breakdown: each has a count in every hour, and be it 0.
        sums: Makes the breakdown of some of the rows.
    """
    if not starts:
        return {}
    groups = _grouped(rows, _hour)
    by_hour = [sums(groups.get(start, ())) for start in starts]
    return {name: tuple(hour.get(name, 0) for hour in by_hour) for name in names}


def breakdown(
    rows: Iterable[Row],
    column: str,
    selector: Selector,
    names: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, int]:
    """Sums by the values of a column, most first; null reads "none given".

    Args:
        rows: Of one survey.
        column: Whose values are told apart.
        selector: What is summed.
        names: Values by the name that they share; a value that none has reads "other". Without
            names each value stands for itself.
    """
    known = {value: name for name, values in (names or {}).items() for value in values}
    sums: Counter[str] = Counter()
    for row in rows:
        value = "none given" if row[column] is None else str(row[column])
        sums[known.get(value, "other" if known else value)] += amount(row, selector)
    return {name: n for name, n in sums.most_common() if n}


def _hour(row: Row) -> object:
    return row.get("hour")


def _grouped(rows: Iterable[Row], key: Callable[[Row], object]) -> Mapping[object, list[Row]]:
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def integer(value: object) -> int:
    """A count as a survey brings it; the sum of no rows is null, and counts nothing.

    Raises:
        TypeError: It is no whole number: read as 0 it would look like health.
    """
    match value:
        case None:
            return 0
        case int():
            return value
        case Decimal() if value.is_finite() and value == int(value):
            return int(value)
        case _:
            raise TypeError(f"{value!r} is no whole number")
