"""The file → `Criteria`: expanded, validated, and refused when it cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from gonogo.config.project import Toml, TomlValue, dotted, read_toml, validated
from gonogo.criteria.entries import (
    ALL_POINTS,
    ENDPOINTS,
    Criteria,
    Metric,
    Presence,
    Rules,
    Score,
    Strict,
)
from gonogo.errors import ConfigError
from gonogo.model.limit import UNITS, Limit

METRIC = "metric"
# What a survey that counts by the hour is asked with.
SLICED = "%(slice_start)s"
SECTIONS: Mapping[str, type[Strict]] = {"rules": Rules, "score": Score, METRIC: Metric}


def load(path: Path, sql_dir: Path) -> Criteria:
    """Read and validate a criteria file.

    Args:
        path: The TOML file.
        sql_dir: Where each survey's SQL file must lie.

    Raises:
        ConfigError: The file is missing, is no TOML, or says something that cannot be meant.
    """
    document = read_toml(path)
    entries = document.get(METRIC)
    if isinstance(entries, dict):
        document[METRIC] = _expanded(entries, str(path))
    criteria = validated(Criteria, document, path, _known_keys)
    for key, problem in nonsense(criteria, sql_dir):
        raise ConfigError(problem, file=str(path), key=dotted(key))
    return criteria


def _known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of the section at `path`, which begins with the section's name."""
    if not path:
        return (*SECTIONS, "headings")
    section = Presence if path[2:] == ("presence",) else SECTIONS[path[0]]
    keys = tuple(key for key in section.model_fields if key != "id")
    return (*keys, "expand") if section is Metric else keys


def _expanded(entries: Toml, file: str) -> Toml:
    """Entries with ``expand = { name = [...] }`` become one entry a value, ``{name}`` filled in."""
    metrics: Toml = {}
    for metric_id, entry in entries.items():
        for own_id, copy in _copies(metric_id, entry, file):
            if own_id in metrics:
                key = dotted((METRIC, metric_id))
                raise ConfigError(f"makes {own_id!r} twice", "name it by its value", file, key)
            metrics[own_id] = copy
    return metrics


def _copies(metric_id: str, entry: TomlValue, file: str) -> Iterator[tuple[str, TomlValue]]:
    if not isinstance(entry, dict):
        yield metric_id, entry
        return
    if "id" in entry:
        key = dotted((METRIC, metric_id, "id"))
        raise ConfigError("unknown key", "the id is the entry's own name", file, key)
    plain = {key: entry[key] for key in entry if key != "expand"} | {"id": metric_id}
    if "expand" not in entry:
        yield metric_id, plain
        return
    for placeholder, value in _values(entry["expand"], dotted((METRIC, metric_id, "expand")), file):
        copy = _filled(plain, placeholder, value)
        yield str(copy["id"]), copy


def _values(expand: TomlValue, key: str, file: str) -> Iterator[tuple[str, str]]:
    """Placeholder and value of each copy."""
    if isinstance(expand, dict) and len(expand) == 1:
        ((name, values),) = expand.items()
        texts = [one for one in values if isinstance(one, str)] if isinstance(values, list) else []
        if texts and texts == values:
            yield from ((f"{{{name}}}", text) for text in texts)
            return
    raise ConfigError("is no list of names", 'write it like { name = ["one", "two"] }', file, key)


def _filled(node: Toml, placeholder: str, value: str) -> Toml:
    def fill(leaf: TomlValue) -> TomlValue:
        if isinstance(leaf, str):
            return leaf.replace(placeholder, value)
        if isinstance(leaf, list):
            return [fill(item) for item in leaf]
        return _filled(leaf, placeholder, value) if isinstance(leaf, dict) else leaf

    return {key: fill(leaf) for key, leaf in node.items()}


Complaint = tuple[tuple[str, ...], str]
SHARES = frozenset({"rate", "census"})
# Derivations that name the columns of their survey themselves.
OWN_COLUMNS = frozenset({"longest_gap", "write_order"})


def nonsense(criteria: Criteria, sql_dir: Path) -> Iterator[Complaint]:
    """Every complaint about a file whose keys and types are right.

    Args:
        criteria: What was read.
        sql_dir: Where each survey's SQL file must lie.
    """
    for metric in criteria.metrics.values():
        for rule in (_counts, _units, _levels, _directions, _order, _evidence, _presence):
            for key, problem in rule(metric):
                yield ("metric", metric.id, *key), problem
        for name in metric.surveys:
            if unreadable := _unreadable(sql_dir / f"{name}.sql"):
                yield ("metric", metric.id, "survey"), unreadable
            elif name == metric.stream_survey and SLICED not in _text(sql_dir, name):
                problem = f"{name}.sql does not count by the hour: it lacks {SLICED}"
                yield ("metric", metric.id, "presence"), problem
    yield from _headings(criteria)
    yield from _chosen(criteria)
    weights = sum(metric.weight for metric in criteria.metrics.values()) + criteria.score.jobs
    if weights != ALL_POINTS:
        yield ("score",), f"the weights add up to {weights}, not to {ALL_POINTS}"
    if min(criteria.score.bands.values(), default=1):
        yield ("score", "bands"), "one band must begin at 0"


def _text(sql_dir: Path, name: str) -> str:
    return (sql_dir / f"{name}.sql").read_text(encoding="utf-8")


def _unreadable(file: Path) -> str | None:
    if not file.is_file():
        return f"there is no {file.parent.name}/{file.name}"
    try:
        file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return f"{file.parent.name}/{file.name} cannot be read: {error}"
    return None


def _headings(criteria: Criteria) -> Iterator[Complaint]:
    known = {name for metric in criteria.metrics.values() for name in (metric.id, metric.group)}
    for heading, starts in criteria.headings.items():
        for start in starts:
            if start not in known:
                yield ("headings", heading), f"no metric is called {start!r} or begins with it"


def _chosen(criteria: Criteria) -> Iterator[Complaint]:
    """What one metric alone may be."""
    for key in ("traffic", "clock"):
        chosen = [metric.id for metric in criteria.metrics.values() if getattr(metric, key)]
        for other in chosen[1:]:
            yield ("metric", other, key), f"{chosen[0]} has it already, and one metric alone may"


def _counts(metric: Metric) -> Iterator[Complaint]:
    if metric.kind in SHARES and (metric.part is None or metric.whole is None):
        yield ("part",), f"a {metric.kind} needs both part and whole"
    needs_value = metric.kind in {"quantity", "answer"} and metric.derived not in OWN_COLUMNS
    if needs_value and not metric.value:
        yield ("value",), f"a {metric.kind} needs value, the column that holds it"
    for key, given, derived in (("plus", metric.plus, "sum"), ("per", metric.per, "per_day")):
        if bool(given) != (metric.derived == derived):
            yield (key,), f"{key} and derived = {derived!r} belong together"
    if metric.histogram and (metric.pick != "mean" or metric.derived):
        yield ("histogram",), 'only a mean is made of one: pick = "mean"'
    if metric.pool and (not needs_value or metric.derived or metric.pick == "mean"):
        yield ("pool",), "only of one value of a survey can a fleet's be the sum, max or min"
    if metric.derived and metric.kind != "quantity":
        yield ("derived",), f"a {metric.kind} is counted, not derived: only a quantity is"
    if metric.traffic and metric.kind != "rate":
        yield ("traffic",), f"a {metric.kind} has no hourly counts: only a rate has"


def _units(metric: Metric) -> Iterator[Complaint]:
    if metric.unit not in UNITS:
        yield ("unit",), f"{metric.unit!r} is no unit; there are {', '.join(filter(None, UNITS))}"
        return
    wanted = "share" if metric.kind in SHARES else UNITS[metric.unit][0]
    for key, limit in _limits(metric):
        if metric.kind == "top":
            yield key, "a list of texts has no limit"
        elif metric.kind in SHARES and limit.base_unit != wanted:
            yield key, f"{limit.text!r} is no share: write it with %"
        elif limit.base_unit != wanted:
            yield key, f"{limit.text!r} is not in the metric's unit {metric.unit!r}"


def _levels(metric: Metric) -> Iterator[Complaint]:
    """A rate's levels are what the evidence must exclude: one side, and neither 0 nor 100 %."""
    for key, limit in _limits(metric):
        if metric.kind in SHARES and max(limit.ends) > 1:
            yield key, f"{limit.text!r} lies beyond 100 %"
        level = metric.kind == "rate" and key in {("critical",), ("trigger",)}
        if level and (_side(limit) is None or not 0 < limit.first.bound < 1):
            yield key, f"{limit.text!r} cannot be a rate's level: write it like '< 80 %'"


def _directions(metric: Metric) -> Iterator[Complaint]:
    """Levels point one way, the objective the other."""
    levels = _ladder(metric)
    sided = [(key, limit, side) for key, limit in levels if (side := _side(limit))]
    for (_, milder, side), (key, limit, other) in pairwise(sided):
        if side != other:
            yield key, f"{limit.text!r} points the other way than {milder.text!r}"
    for name, objective in metric.objective.items():
        for key, limit, side in sided:
            if side == _side(objective):
                yield key, f"{limit.text!r} points the same way as {name}'s {objective.text!r}"


def _order(metric: Metric) -> Iterator[Complaint]:
    """A level lies past the milder one: 80 % critical below 90 % warning, never above."""
    levels = _ladder(metric)
    for ((milder_key,), milder), (key, limit) in pairwise(levels):
        if not milder.holds(limit.first.bound) and milder.first.bound != limit.first.bound:
            problem = f"{limit.text!r} lies on the wrong side of {milder_key} {milder.text!r}"
            yield key, problem
    for name, objective in metric.objective.items():
        for key, limit in levels:
            if limit.first.bound != objective.first.bound and objective.holds(limit.first.bound):
                yield key, f"{limit.text!r} lies within the objective {objective.text!r} of {name}"


def _evidence(metric: Metric) -> Iterator[Complaint]:
    """What would have no effect, silently."""
    if metric.weight and metric.kind not in SHARES:
        yield ("weight",), f"a {metric.kind} cannot be weighed: only a share can"
    if metric.weight and not (metric.objective or metric.warning):
        yield ("weight",), "the score needs a target: an objective or a warning level"
    if metric.recency and not metric.critical:
        yield ("recency",), "the newest events are held against the critical level: give one"
    if metric.parts_in and not metric.by:
        yield ("parts_in",), "it lists the values of a column: name that column with by"
    if metric.total_row and not metric.by:
        yield ("total_row",), "it is the row whose part is null: name the parts' column with by"
    if metric.falls and not (metric.warning and metric.kind == "rate"):
        yield ("falls",), "only a rate with a warning level is alerted of a fall: give one"
    if metric.falls and (not metric.objective or None in map(_side, metric.objective.values())):
        yield ("falls",), "a rate falls below its objective: give one, such as '> 90 %'"
    if metric.worst and not metric.counts_failures:
        yield ("worst",), "failures are what a rate lacks: give it a critical level like '< 80 %'"


def _presence(metric: Metric) -> Iterator[Complaint]:
    longest = metric.presence.critical if metric.presence else None
    if longest and (longest.base_unit != "s" or _side(longest) != "up"):
        yield ("presence", "critical"), f"{longest.text!r} is no silence: write it like '> 26 h'"
    if metric.presence and metric.survey == ENDPOINTS:
        yield ("presence",), "an endpoint has no stream of events"


def _ladder(metric: Metric) -> list[tuple[tuple[str], Limit]]:
    """The levels, mildest first."""
    levels: Mapping[str, Limit | None] = {
        "warning": metric.warning,
        "critical": metric.critical,
        "trigger": metric.trigger,
    }
    return [((key,), limit) for key, limit in levels.items() if limit]


def _limits(metric: Metric) -> list[tuple[tuple[str, ...], Limit]]:
    objectives = [(("objective", name.value), limit) for name, limit in metric.objective.items()]
    return [*objectives, *_ladder(metric)]


def _side(limit: Limit) -> str | None:
    """The way that it points; None where it has no one way: a band, a point, two comparisons."""
    if len(limit.comparisons) != 1 or limit.first.operator in {"=", ".."}:
        return None
    return "down" if limit.points_down else "up"
