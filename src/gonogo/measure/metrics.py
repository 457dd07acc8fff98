"""Tables of surveys → one Measurement a metric, as the criteria file says. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial

from gonogo.criteria import Criteria, Metric
from gonogo.measure import cube
from gonogo.measure.cube import DERIVATIONS, LARGEST, Tables
from gonogo.measure.surveys import Table, hours, stream
from gonogo.model.kinds import Says
from gonogo.model.limit import UNITS
from gonogo.model.measurement import Count, Measurement, Remark, Window
from gonogo.postgres.readonly import Row

WHOLE = ""
MOST_PROBLEMS = 20
# Finer than any column is; a record has room for it.
FINEST = 10**30
NOT_ASKED = Table(missing=Remark(Says.NOT_ASKED))


def measure(
    criteria: Criteria,
    tables: Tables,
    recent: Mapping[str, Mapping[str, Table]],
    earlier: Tables,
    window: Window,
) -> dict[str, Measurement]:
    """Every metric that a survey feeds, by id.

    Args:
        criteria: What each metric counts.
        tables: By survey.
        recent: By survey, then by part ("" is the whole): the newest events.
        earlier: By survey: the days before the window, of what must be present.
        window: What is judged.
    """
    found = {
        metric.id: _measure(metric, tables, recent.get(metric.recency or "", {}), criteria, window)
        for metric in criteria.metrics.values()
        if metric.survey in tables
    }
    for metric in criteria.metrics.values():
        if metric.presence and metric.id in found and not found[metric.id].missing:
            found[metric.id] = _with_streams(found[metric.id], metric, tables, earlier, window)
    return found


def parts_of(metric: Metric, tables: Tables) -> tuple[str, ...]:
    """The parts of a metric as its own survey and `parts_in` list them, sorted by name."""
    if metric.by is None:
        return ()
    listed = (tables.get(name or "", NOT_ASKED).rows for name in (metric.survey, metric.parts_in))
    values = {row.get(metric.by) for rows in listed for row in rows}
    return tuple(sorted(str(value) for value in values if value is not None))


def _measure(
    metric: Metric,
    tables: Tables,
    recent: Mapping[str, Table],
    criteria: Criteria,
    window: Window,
) -> Measurement:
    missing = (tables[name].missing for name in metric.sources)
    if reason := next(filter(None, missing), None):
        return Measurement(metric.id, missing=reason)
    try:
        return _of_kind(metric, tables, recent, criteria, window)
    except KeyError as error:
        return Measurement(metric.id, missing=Remark(Says.NO_COLUMN, metric.survey, str(error)))
    except TypeError as error:
        return Measurement(metric.id, missing=Remark(Says.BAD_VALUE, metric.survey, str(error)))


def _of_kind(
    metric: Metric,
    tables: Tables,
    recent: Mapping[str, Table],
    criteria: Criteria,
    window: Window,
) -> Measurement:
    table = tables[metric.survey]
    if metric.derived:
        return DERIVATIONS[metric.derived](metric, tables, window)
    if metric.kind == "top":
        return Measurement(metric.id, value=Fraction(0), breakdown=_tops(table.rows))
    if metric.kind in {"rate", "census"}:
        starts = [start for start, _ in hours(window)] if table.sliced else []
        found = _counted(metric, table.rows, recent, criteria.rules.recent, starts)
        if metric.counts_failures:
            found = cube.with_worst(metric, tables, found)
        if metric.parts_in:
            return _with_every_part(found, metric, tables.get(metric.parts_in, NOT_ASKED))
        return found
    return _quantity(metric, table.rows)


def _counted(
    metric: Metric,
    rows: Sequence[Row],
    recent: Mapping[str, Table],
    sizes: Sequence[int],
    starts: Sequence[datetime],
) -> Measurement:
    part, whole = metric.part or {}, metric.whole or {}
    # A survey that brings the whole beside its parts marks it by a part that is null.
    total = [row for row in rows if row[metric.by or ""] is None] if metric.total_row else rows
    if metric.not_yet and not cube.total(total, metric.not_yet):
        settled = cube.count(total, part, whole)
        if settled.n:
            return Measurement(
                metric.id, count=settled, left_out=Remark(Says.TEAM, detail=metric.not_yet_reason)
            )
    parts = _breakdown(metric, total)
    counted = cube.count(total, part, whole)
    by_part = cube.by(rows, metric.by, part, whole) if metric.by else {}
    _require_shares(metric, (counted, *by_part.values()))
    return Measurement(
        metric.id,
        count=counted,
        by_part=by_part,
        hourly=cube.hourly(rows if starts else (), starts, part, whole),
        hours_by_part=(cube.hours_by(rows, metric.by, starts, part, whole) if metric.falls else {}),
        recent={name: _recent(metric, table, sizes) for name, table in recent.items()},
        recent_missing=next((table.missing for table in recent.values() if table.missing), None),
        breakdown=parts | {column: cube.total(total, column) for column in metric.sums},
        hourly_parts=cube.hourly_parts(rows, starts, tuple(parts), partial(_breakdown, metric)),
        notes=_problems(metric, rows),
    )


def _require_shares(metric: Metric, counts: Iterable[Count]) -> None:
    """See that every count can be judged.

    Raises:
        TypeError: One is negative, or of a rate more are counted than there are.
    """
    for one in counts:
        if min(one.k, one.n) < 0 or (metric.kind == "rate" and one.k > one.n):
            raise TypeError(f"{one.k} of {one.n} is no share")


def _with_every_part(found: Measurement, metric: Metric, parts: Table) -> Measurement:
    """Add the parts of which nothing was counted, with 0 of 0."""
    if parts.missing:
        return replace(found, parts_missing=parts.missing)
    every = {str(row[metric.by or ""]): Count(0, 0) for row in parts.rows}
    return replace(found, by_part={**every, **found.by_part})


def _with_streams(
    found: Measurement, metric: Metric, tables: Tables, earlier: Tables, window: Window
) -> Measurement:
    """Add what must be present: the whole, every part that came, and every part of `parts_in`."""
    survey = metric.stream_survey or ""
    sources = [earlier.get(survey, NOT_ASKED)]
    sources += [tables[name] for name in (survey, metric.parts_in) if name and name in tables]
    if missing := next((table.missing for table in sources if table.missing), None):
        return replace(found, streams_missing=missing)
    named = [row for name in (metric.parts_in,) if name for row in tables[name].rows]
    every = [row for name in (tables, earlier) if survey in name for row in name[survey].rows]
    try:
        counted = list(cube.amounts(every, metric.stream))
        parts: dict[str, list[tuple[Row, int]]] = defaultdict(list)
        if by := metric.by:
            parts |= {str(row[by]): [] for row in named}
            for row, n in counted:
                parts[str(row[by])].append((row, n))
        streams = {WHOLE: stream(counted, window)}
        streams |= {name: stream(parts[name], window) for name in sorted(parts)}
    except KeyError as error:
        return replace(found, streams_missing=Remark(Says.NO_COLUMN, survey, str(error)))
    except TypeError as error:
        return replace(found, streams_missing=Remark(Says.BAD_VALUE, survey, str(error)))
    return replace(found, streams=streams)


def _breakdown(metric: Metric, rows: Sequence[Row]) -> dict[str, int]:
    if metric.breakdown is None:
        return {}
    selector = metric.part if metric.breakdown_of == "part" else None
    return cube.breakdown(rows, metric.breakdown, selector or "n", metric.breakdown_names)


def _problems(metric: Metric, rows: Sequence[Row]) -> tuple[Remark, ...]:
    """What a census of parts lacks, by name: the rows of its whole that are not in its part."""
    if not metric.problems or metric.part is None or metric.whole is None:
        return ()
    lacking = [
        Remark(Says.LACKS, str(row[metric.problems]))
        for row in rows
        if cube.amount(row, metric.whole) and not cube.amount(row, metric.part)
    ]
    return tuple(lacking[:MOST_PROBLEMS])


def _recent(metric: Metric, table: Table, sizes: Sequence[int]) -> tuple[Count, ...]:
    """K of n of the newest 5, 10, 20, 50 events, as many of these as there are."""
    part, whole = metric.part or {}, metric.whole or {}
    results = [cube.passes(row, part) for row in table.rows if cube.passes(row, whole)]
    return tuple(Count(sum(results[:size]), size) for size in sizes if size <= len(results))


def _quantity(metric: Metric, rows: Sequence[Row]) -> Measurement:
    if not rows and metric.empty == "none":
        return Measurement(
            metric.id, value=Fraction(0), notes=(Remark(Says.TEAM, detail=metric.empty_reason),)
        )
    column = metric.value or ""
    values = [value for row in rows if (value := _fraction(row[column])) is not None]
    if not values or len(values) < len(rows):
        return Measurement(metric.id, missing=Remark(Says.NO_VALUE, column))
    value = _picked(metric, rows, values)
    scale = UNITS["ms"][1] if metric.unit == "ms" else Fraction(1)
    sums = {name: cube.total(rows, name) for name in metric.sums}
    return Measurement(metric.id, value=value * scale, breakdown=_parts(metric, rows) | sums)


def _picked(metric: Metric, rows: Sequence[Row], values: Sequence[Fraction]) -> Fraction:
    """One number of several rows: their sum, the largest, or the mean weighted by ``n``."""
    if metric.pick == "max":
        return max(values)
    if metric.pick == "sum":
        # One sum of what is whole: a cube of two weeks has thousands of rows.
        whole = sum(value.numerator for value in values if value.denominator == 1)
        return sum((value for value in values if value.denominator != 1), Fraction(whole))
    weights = [cube.amount(row, "n") for row in rows]
    weighed = sum((v * n for v, n in zip(values, weights, strict=True)), Fraction(0))
    return weighed / (sum(weights) or 1)


def _parts(metric: Metric, rows: Sequence[Row]) -> dict[str, int]:
    """The value by the names in a column, and the other columns that are shown with it."""
    if metric.by is None:
        return {}
    own = {str(row[metric.by]): int(_fraction(row[metric.value or ""]) or 0) for row in rows}
    others = {
        f"{row[metric.by]} {column}": cube.amount(row, column)
        for row in rows
        for column in metric.columns
    }
    return own | others


def _fraction(value: object) -> Fraction | None:
    # PostgreSQL 13 extracts seconds as floats; NaN and infinity are no number to judge, and what a
    # record has no room for neither.
    if not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return None
    if not -LARGEST <= value <= LARGEST:
        return None
    # A cube of two weeks has thousands of rows, and whole numbers in nearly all of them.
    return Fraction(value) if isinstance(value, int) else Fraction(value).limit_denominator(FINEST)


def _tops(rows: Sequence[Row]) -> dict[str, int]:
    named = (row for row in rows if row["message"] is not None)
    return {str(row["message"]): cube.amount(row, "n") for row in named}
