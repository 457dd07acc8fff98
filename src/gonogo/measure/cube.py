"""Sums over the rows of surveys, and what is derived from them: gaps, frequencies, sums of sums.

Pure. The criteria say what is counted, not the code. A derivation finds every survey of its
metric's `sources`, and each of them answered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from gonogo.criteria import Derived, Filter, Metric
from gonogo.measure.surveys import Table, naive
from gonogo.measure.written import write_order
from gonogo.model.kinds import Says
from gonogo.model.measurement import Count, HourCount, Measurement, Remark, Window, Worst
from gonogo.postgres.readonly import Row

Selector = str | Filter
# Beyond every bigint; a record has room for the sum of a million such rows.
LARGEST = 10**20
Sums = Callable[[Sequence[Row]], Mapping[str, int]]


def amount(row: Row, selector: Selector) -> int:
    """What one row adds: a column's value, or its ``n`` where the filter lets it pass."""
    return integer(row[selector]) if isinstance(selector, str) else total((row,), selector)


def amounts(rows: Iterable[Row], selector: Selector) -> Iterator[tuple[Row, int]]:
    """Each row that adds something, and how much."""
    counted, column = _counted(rows, selector)
    yield from ((row, n) for row in counted if (n := integer(row[column])) > 0)


def total(rows: Iterable[Row], selector: Selector) -> int:
    """What all rows add; plain loops, for a cube of two weeks has thousands of rows."""
    counted, column = _counted(rows, selector)
    values = [row[column] for row in counted]
    if set(map(type, values)) <= {int}:
        return sum(values)
    return sum(map(integer, values))


def passes(row: Row, selector: Selector) -> bool:
    """Whether one event counts: its column says so, or the filter lets it pass."""
    if isinstance(selector, str):
        return bool(integer(row[selector]))
    return all(row[column] in wanted for column, wanted in selector.items())


def _counted(rows: Iterable[Row], selector: Selector) -> tuple[Iterable[Row], str]:
    """The rows that a selector lets pass, and the column by which each of them counts."""
    if isinstance(selector, str):
        return rows, selector
    for column, wanted in selector.items():
        rows = [row for row in rows if row[column] in wanted]
    return rows, "n"


def count(rows: Sequence[Row], part: Selector, whole: Selector) -> Count:
    """K of n over all rows."""
    return Count(total(rows, part), total(rows, whole))


def by(rows: Sequence[Row], column: str, part: Selector, whole: Selector) -> dict[str, Count]:
    """K of n by the values of a column, null left out, sorted by name."""
    groups = _grouped(rows, column)
    return {
        str(name): count(groups[name], part, whole)
        for name in sorted(groups, key=str)
        if name is not None
    }


def hourly(
    rows: Sequence[Row], starts: Iterable[datetime], part: Selector, whole: Selector
) -> tuple[HourCount, ...]:
    """K of n of every hour of the window, also of those without a row: a gap must be seen."""
    k, n = (_sums(rows, "hour", selector) for selector in (part, whole))
    return tuple(HourCount(start, Count(k[start], n[start])) for start in starts)


def hours_by(
    rows: Iterable[Row],
    column: str | None,
    starts: Sequence[datetime],
    part: Selector,
    whole: Selector,
) -> dict[str, tuple[HourCount, ...]]:
    """K of n of every hour of the window by the values of a column, null left out, sorted by name.

    Args:
        rows: Of one sliced survey.
        column: By whose values the counts are grouped; none brings no part.
        starts: The hours.
        part: What is k.
        whole: What is n.
    """
    groups = _grouped(rows if starts else (), column) if column else {}
    return {
        str(name): hourly(groups[name], starts, part, whole)
        for name in sorted(groups, key=str)
        if name is not None
    }


def hourly_parts(
    rows: Iterable[Row], starts: Sequence[datetime], names: Sequence[str], sums: Sums
) -> dict[str, tuple[int, ...]]:
    """The breakdown of every hour of the window, aligned with `hourly`.

    Args:
        rows: Of one sliced survey.
        starts: The hours.
        names: Of the whole breakdown: each has a count in every hour, and be it 0.
        sums: Makes the breakdown of some of the rows.
    """
    if not starts or not names:
        return {}
    groups = _grouped(rows, "hour")
    by_start = [sums(groups.get(start, ())) for start in starts]
    return {name: tuple(hour.get(name, 0) for hour in by_start) for name in names}


def breakdown(
    rows: Iterable[Row],
    column: str,
    selector: Selector,
    names: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, int]:
    """Sums by the values of a column, most first; null reads "none given".

    Args:
        rows: Of one survey.
        column: By whose values the sums are grouped.
        selector: What is summed.
        names: Values by the name that they share; a value that none has reads "other". Without
            names each value stands for itself.
    """
    known = {value: name for name, values in (names or {}).items() for value in values}
    sums: Counter[str] = Counter()
    for value, n in _sums(rows, column, selector).items():
        name = "none given" if value is None else str(value)
        sums[known.get(name, "other" if known else name)] += n
    return {name: n for name, n in sums.most_common() if n}


def _sums(rows: Iterable[Row], column: str, selector: Selector) -> Counter[object]:
    counted, adds = _counted(rows, selector)
    sums: Counter[object] = Counter()
    for row in counted:
        value = row[adds]
        # Most rows hold plain numbers, and there are thousands.
        sums[row[column]] += value if type(value) is int else integer(value)
    return sums


def with_worst(metric: Metric, tables: Tables, found: Measurement) -> Measurement:
    """Add who and what accounts for most of a rate's failures; the reader's figures, never judged.

    Args:
        metric: Names the surveys of whom it asks; the parts of `by` are looked at as well.
        tables: By survey.
        found: The rate, with its parts.
    """
    whole = found.count or Count(0, 0)
    lost, worst, notes = whole.n - whole.k, list[Worst](), list(found.notes)
    for by, entry in metric.worst.items():
        table = tables.get(entry.survey, Table(missing=Remark(Says.NOT_ASKED)))
        if table.missing:
            notes.append(table.missing)
        for row in (row for row in table.rows if row[entry.by] is not None):
            failures = amount(row, entry.failures)
            of = Count(failures, lost)
            n = amount(row, entry.whole) if entry.whole else failures
            worst.append(Worst(by, str(row[entry.by]), of, _less(whole, Count(n - failures, n))))
    for name, part in found.by_part.items() if len(found.by_part) > 1 else ():
        less = None if metric.total_row else _less(whole, part)
        worst.append(Worst(metric.by or "", name, Count(part.n - part.k, lost), less))
    ordered = sorted(worst, key=lambda one: one.failures.k)
    first = {one.by: one for one in worst} | {one.by: one for one in ordered}
    shown = tuple(one for one in first.values() if 0 < one.failures.k <= lost)
    return replace(found, worst=shown, notes=tuple(notes))


def _less(whole: Count, part: Count) -> Count | None:
    """The whole without a part; None where that is none: other things were counted."""
    rest = Count(whole.k - part.k, whole.n - part.n)
    return rest if 0 <= rest.k <= rest.n else None


def _grouped(rows: Iterable[Row], column: str) -> Mapping[object, list[Row]]:
    groups: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups


def integer(value: object) -> int:
    """A count as a survey brings it; the sum of no rows is null, and counts nothing.

    Raises:
        TypeError: It is no whole number, which read as 0 would look like health, or past counting.
    """
    match value:
        case None:
            return 0
        case int():
            return value
        case Decimal() if value.is_finite() and abs(value) > LARGEST:
            raise TypeError(f"{value:.3g} is larger than anything that is counted")
        case Decimal() if value.is_finite() and value == int(value):
            return int(value)
        case _:
            raise TypeError(f"{value!r} is no whole number")


Tables = Mapping[str, Table]
Derivation = Callable[[Metric, Tables, Window], Measurement]
DAY = timedelta(days=1)
EMPTY = Remark(Says.EMPTY_WINDOW)


def longest_gap(metric: Metric, tables: Tables, window: Window) -> Measurement:
    """Longest stretch of the window without an event, whole and by each part of `parts_in`.

    The cube holds each hour's first and last moment, so a gap is exact as soon as it crosses the
    end of a slice; one within a slice is shorter than an hour and never the limit's business.
    """
    if not window.covered:
        return Measurement(metric.id, missing=EMPTY)
    rows, by = tables[metric.survey].rows, metric.by or ""
    parts = tables[metric.parts_in].rows if metric.parts_in else ()
    names = sorted({str(row[by]) for row in parts})
    gaps = {name: _gap([row for row in rows if row[by] == name], window) for name in names}
    whole = _gap(rows, window)
    worst = max([whole, *gaps.values()])
    return Measurement(
        metric.id,
        value=_seconds(worst),
        breakdown={name: int(gap.total_seconds()) for name, gap in gaps.items()},
    )


def per_day(metric: Metric, tables: Tables, window: Window) -> Measurement:
    """The sum of `value`, per thing that `per` counts and per day that the window covers."""
    if not window.covered:
        return Measurement(metric.id, missing=EMPTY)
    events = total(tables[metric.survey].rows, metric.value or "")
    things = _sum(tables, metric.per)
    if not things:
        named = "empty_reason" in metric.model_fields_set
        summed = " and ".join(f"{column} of {name}.sql" for name, column in metric.per.items())
        reason = Remark(Says.TEAM, detail=metric.empty_reason)
        return Measurement(
            metric.id, missing=reason if named else Remark(Says.DIVIDED_BY_NONE, summed)
        )
    days = _seconds(window.covered) / _seconds(DAY)
    return Measurement(metric.id, value=Fraction(events, things) / days)


def sum_of_all(metric: Metric, tables: Tables, _window: Window) -> Measurement:
    """The sum of `value` and of each column that `plus` adds from a further survey."""
    own = total(tables[metric.survey].rows, metric.value or "")
    return Measurement(metric.id, value=Fraction(own + _sum(tables, metric.plus)))


def _sum(tables: Tables, columns: Mapping[str, str]) -> int:
    return sum(total(tables[survey].rows, column) for survey, column in columns.items())


def _gap(rows: Iterable[Row], window: Window) -> timedelta:
    edges: list[tuple[datetime, datetime]] = []
    for row in rows:
        first, last = row["first_at"], row["last_at"]
        if isinstance(first, datetime) and isinstance(last, datetime):
            edges.append((first, last))
    newest, longest = naive(window.start), timedelta()
    for first, last in sorted(edges):
        if first > newest:
            longest = max(longest, first - newest)
        newest = max(newest, last)
    return max(longest, naive(window.end) - newest)


def _seconds(length: timedelta) -> Fraction:
    return Fraction(length // timedelta(microseconds=1), 1_000_000)


DERIVATIONS: Mapping[Derived, Derivation] = {
    "longest_gap": longest_gap,
    "per_day": per_day,
    "sum": sum_of_all,
    "write_order": write_order,
}
