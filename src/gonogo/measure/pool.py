"""The tables of a fleet's databases, added up: as if one database held the rows of all.

Rows that agree in all that they are counted by become one row. What that means for each kind:

- counts, cubes, histograms, streams: numbers add up, an hour's first moment is the earliest, its
  last the latest. A user's rows lie in one database alone, so counts of users add up as well.
- one value a database (an age, a footprint, an answer): as `pool` in criteria.toml says.
- means, percentiles, newest events: of all together, by the merged histogram, by their moments.
- top messages: by message, then the most frequent of all. Each database brings so many that one
  which is rare in each, and frequent in all, is among them.
- clocks, by the order of writing: the worst, for each server has an order of its own.

What one database does not tell is unknown of the fleet. Nothing of it is kept but what it adds:
memory grows with hours and parts, not with databases or rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial

from gonogo.criteria import Criteria, Metric
from gonogo.measure.cube import integer
from gonogo.measure.histogram import with_means, without_parts_of_means
from gonogo.measure.metrics import WHOLE
from gonogo.measure.surveys import Surveyed, Table
from gonogo.measure.take import MOST_MESSAGES, Plan
from gonogo.measure.take import measured as measured_alone
from gonogo.measure.written import worst_of
from gonogo.model.kinds import Says
from gonogo.model.limit import UNITS
from gonogo.model.measurement import Measurement, Remark
from gonogo.postgres.readonly import Row

AT = "at"
TIMES = frozenset(unit for unit, (base, _) in UNITS.items() if base == "s")
# What a survey brings that cannot be counted is unknown of the fleet, whatever it adds up to.
UNCOUNTABLE = frozenset({Says.BAD_VALUE, Says.NO_COLUMN})
Number = int | float | Decimal
Choice = Callable[[Sequence[Number]], Number]
Join = Callable[[object, object], object]
Joins = Mapping[str, Join]
Shape = tuple[tuple[str, ...], tuple[tuple[str, Join], ...]]
Types = tuple[tuple[str, ...], tuple[type, ...]]
Key = tuple[tuple[str, ...], tuple[object, ...]]


def measured(plan: Plan, found: Surveyed) -> dict[str, Measurement]:
    """A measurement of each metric of a database of a fleet, which was asked histograms."""
    return measured_alone(plan, replace(found, tables=with_means(plan.criteria, found.tables)))


class Pool:
    """What the databases of a fleet bring, one after the other.

    Args:
        plan: What each is asked.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tables: dict[str, _Added] = {}
        self._earlier: dict[str, _Added] = {}
        self._recent: dict[str, dict[str, _Newest]] = defaultdict(dict)
        self._moved: dict[str, Remark] = {}
        self._clocks: dict[str, dict[str, Measurement]] = defaultdict(dict)
        self._unknown: dict[str, Remark] = {}

    def add(self, name: str, found: Surveyed, own: Mapping[str, Measurement]) -> None:
        """Add one database.

        Args:
            name: What tells it from the others.
            found: What its surveys brought.
            own: What that is by itself, from `measured`.
        """
        metrics = self._plan.criteria.metrics.values()
        alone = {metric.survey for metric in metrics if metric.derived == "write_order"}
        for tables, added in ((found.tables, self._tables), (found.earlier, self._earlier)):
            for survey in tables.keys() - alone - found.recent.keys():
                if survey not in added:
                    added[survey] = _Added.of(self._plan.criteria, survey)
                added[survey].add(name, tables[survey])
        for survey, parts in found.recent.items():
            for part, table in parts.items():
                newest = self._recent[survey].setdefault(part, _Newest(self._plan.most_recent))
                newest.add(name, table)
        self._moved |= {survey: replace(one, member=name) for survey, one in found.moved.items()}
        for metric in metrics:
            one = own.get(metric.id)
            if one and metric.derived == "write_order":
                self._clocks[metric.id][name] = one
            if one and one.missing and one.missing.says in UNCOUNTABLE:
                self._unknown.setdefault(metric.id, replace(one.missing, member=name))

    def measured(self) -> dict[str, Measurement]:
        """A measurement of each metric, of all databases that were added."""
        criteria = self._plan.criteria
        newest = self._recent.items()
        recent = {name: {part: one.table for part, one in parts.items()} for name, parts in newest}
        tables = {name: added.table for name, added in self._tables.items()}
        tables |= {survey: parts[WHOLE] for survey, parts in recent.items() if WHOLE in parts}
        earlier = {name: added.table for name, added in self._earlier.items()}
        plan = replace(self._plan, criteria=without_parts_of_means(criteria))
        every = measured(plan, Surveyed(tables, recent, earlier, self._moved))
        for name, missing in self._unknown.items():
            every[name] = Measurement(name, missing=missing)
        return every | {name: worst_of(found) for name, found in self._clocks.items()}


@dataclass(slots=True)
class _Added:
    """One survey's tables so far.

    Args:
        keys: Columns that rows are counted by, even where they hold numbers.
        joins: How the values of further columns become one.
        rank: Of a list of messages, the column by which the first are chosen.
    """

    keys: frozenset[str]
    joins: Joins
    rank: str = ""
    _rows: dict[Key, Row] = field(default_factory=dict)
    _shapes: dict[Types, Shape] = field(default_factory=dict)
    _missing: dict[str, Remark] = field(default_factory=dict)
    _sliced: bool = False

    @classmethod
    def of(cls, criteria: Criteria, survey: str) -> _Added:
        return cls(_keys(criteria, survey), _joins(criteria, survey), _rank(criteria, survey))

    def add(self, name: str, table: Table) -> None:
        self._sliced |= table.sliced
        if table.missing:
            self._missing[name] = replace(table.missing, member=name)
        for row in table.rows:
            by, adds = self._shape(row)
            key = by, tuple(row[column] for column in by)
            into = self._rows.setdefault(key, row)
            if into is not row:
                for column, join in adds:
                    into[column] = join(into[column], row[column])

    def _shape(self, row: Row) -> Shape:
        """The columns that a row is counted by, and the others with what joins their values."""
        types = tuple(row), tuple(map(type, row.values()))
        if (known := self._shapes.get(types)) is None:
            added = {name: self._join(name, value) for name, value in row.items()}
            by = tuple(name for name, join in added.items() if join is None)
            known = by, tuple((name, join) for name, join in added.items() if join)
            self._shapes[types] = known
        return known

    def _join(self, column: str, value: object) -> Join | None:
        if column in self.keys:
            return None
        number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        return self.joins.get(column) or (partial(_join, _sum) if number else None)

    @property
    def table(self) -> Table:
        if self._missing:
            return Table(missing=self._missing[min(self._missing)], sliced=self._sliced)
        # In an order of its own, whichever database answered first.
        rows = [self._rows[key] for key in sorted(self._rows, key=repr, reverse=True)]
        if self.rank:
            rows.reverse()
            counts = [row for row in rows if row[self.rank] is None]
            rows = [row for row in rows if row[self.rank] is not None]
            rows = sorted(rows, key=lambda row: -integer(row[self.rank]))[:MOST_MESSAGES] + counts
        return Table(tuple(rows), sliced=self._sliced)


@dataclass(slots=True)
class _Newest:
    """The newest events so far.

    Args:
        most: How many are kept.
    """

    most: int
    _rows: list[Row] = field(default_factory=list)
    _missing: dict[str, Remark] = field(default_factory=dict)

    def add(self, name: str, table: Table) -> None:
        missing = table.missing
        if not missing and not all(isinstance(row.get(AT), datetime) for row in table.rows):
            missing = Remark(Says.NO_MOMENT, AT)
        if missing:
            self._missing[name] = replace(missing, member=name)
            return
        rows = sorted([*self._rows, *table.rows], key=lambda row: row[AT], reverse=True)
        self._rows = rows[: self.most]

    @property
    def table(self) -> Table:
        if self._missing:
            return Table(missing=self._missing[min(self._missing)])
        return Table(tuple(self._rows))


def _keys(criteria: Criteria, survey: str) -> frozenset[str]:
    """The columns by which any metric counts the rows of a survey."""
    named = {"hour", "hour_no"}
    for metric in criteria.metrics.values():
        if survey in {metric.survey, metric.histogram, metric.parts_in, metric.stream_survey}:
            named |= set(filter(None, (metric.by, metric.breakdown, metric.problems)))
        if survey == metric.histogram:
            named.add(metric.unit)
        if survey == metric.survey and metric.value and metric.pick == "mean":
            named.add(metric.value)
        named |= {one.by for one in metric.worst.values() if one.survey == survey}
    return frozenset(named)


def _joins(criteria: Criteria, survey: str) -> Joins:
    joins: dict[str, Join] = {"first_at": _earliest, "last_at": _latest}
    for metric in criteria.metrics.values():
        if (
            metric.survey == survey
            and metric.value
            and not metric.derived
            and metric.pick != "mean"
        ):
            joins[metric.value] = partial(_join, _choice(metric), known=bool(metric.pool))
    return joins


def _choice(metric: Metric) -> Choice:
    """How the values of several databases become the fleet's."""
    if metric.pool:
        return {"min": _least, "max": _most, "sum": _sum}[metric.pool]
    if metric.kind == "answer":
        return _least if _wants_yes(metric) else _most
    return _most if metric.pick == "max" or metric.unit in TIMES else _sum


def _wants_yes(metric: Metric) -> bool:
    """Whether yes is the better answer."""
    objective = next(iter(metric.objective.values()), None)
    if objective:
        return objective.holds(Fraction(1))
    return not any(limit.holds(Fraction(1)) for limit in metric.limits)


def _join(choose: Choice, one: object, other: object, *, known: bool = False) -> object:
    """Two values; what is unknown of one, or no number, is unknown of both, or left out."""
    both = [value for value in (one, other) if not (known and value is None)]
    numbers = [value for value in both if isinstance(value, int | float | Decimal)]
    if len(numbers) < len(both):
        return next(value for value in both if not isinstance(value, int | float | Decimal))
    return choose(numbers) if numbers else None


def _least(numbers: Sequence[Number]) -> Number:
    return min(numbers, key=float)


def _most(numbers: Sequence[Number]) -> Number:
    return max(numbers, key=float)


def _sum(numbers: Sequence[Number]) -> Number:
    whole = [number for number in numbers if isinstance(number, int | Decimal)]
    return sum(whole) if len(whole) == len(numbers) else sum(map(float, numbers))


def _earliest(one: object, other: object) -> object:
    return min(_moments(one, other), default=None)


def _latest(one: object, other: object) -> object:
    return max(_moments(one, other), default=None)


def _moments(*values: object) -> list[datetime]:
    return [value for value in values if isinstance(value, datetime)]


def _rank(criteria: Criteria, survey: str) -> str:
    """By what the messages of a list are chosen; empty for what is none."""
    metrics = criteria.metrics.values()
    if not any(metric.kind == "top" and metric.survey == survey for metric in metrics):
        return ""
    worst = (one for metric in metrics for one in metric.worst.values())
    return next((one.failures for one in worst if one.survey == survey), "n")
