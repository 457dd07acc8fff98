"""Means and percentiles of a fleet, of a histogram: each value, and how often it came. Pure."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from gonogo.criteria import Criteria, Metric
from gonogo.measure.cube import integer
from gonogo.measure.surveys import Table
from gonogo.model.kinds import Says
from gonogo.model.measurement import Remark

PERCENTILE = re.compile(r"p([0-9]{1,2})_")


def with_means(criteria: Criteria, tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables with those that histograms stand for."""
    made = {
        metric.survey: _means(metric, tables[metric.histogram])
        for metric in criteria.metrics.values()
        if metric.histogram and metric.histogram in tables
    }
    return {**tables, **made}


def _means(metric: Metric, histogram: Table) -> Table:
    if histogram.missing:
        return Table(missing=histogram.missing)
    values: dict[object, list[tuple[int, int]]] = defaultdict(list)
    try:
        for row in histogram.rows:
            part = row[metric.by] if metric.by else None
            values[part].append((integer(row[metric.unit]), integer(row["n"])))
    except KeyError as error:
        return Table(missing=Remark(Says.NO_COLUMN, metric.histogram or "", str(error)))
    except TypeError as error:
        return Table(missing=Remark(Says.BAD_VALUE, metric.histogram or "", str(error)))
    return Table(tuple(dict(_mean(metric, part, sorted(found))) for part, found in values.items()))


def _mean(
    metric: Metric, part: object, found: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, object]]:
    """A row as the survey itself would bring it: percentiles as ``percentile_cont`` has them."""
    n = sum(often for _, often in found)
    if metric.by:
        yield metric.by, part
    yield "n", n
    yield metric.value or "", _rounded(Fraction(sum(one * often for one, often in found), n or 1))
    for column in metric.columns:
        if match := PERCENTILE.match(column):
            rank = Fraction(int(match[1]), 100) * (n - 1)
            low, high = _at(found, int(rank)), _at(found, math.ceil(rank))
            yield column, _rounded(low + (high - low) * (rank - int(rank)))


def _at(found: Sequence[tuple[int, int]], place: int) -> int:
    """The value at a place in the order of all."""
    for value, often in found:
        place -= often
        if place < 0:
            return value
    return found[-1][0]


def _rounded(value: Fraction) -> int:
    """To whole numbers, halves up, as the server rounds what is not negative."""
    return int(value + Fraction(1, 2))


def without_parts_of_means(criteria: Criteria) -> Criteria:
    """Without the parts of means that have no histogram: percentiles cannot be averaged."""
    metrics = {
        name: metric.model_copy(update={"by": None, "columns": ()})
        if metric.pick == "mean" and not metric.histogram
        else metric
        for name, metric in criteria.metrics.items()
    }
    return criteria.model_copy(update={"metrics": metrics})
