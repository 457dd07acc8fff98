"""`Criteria` → docs/criteria.md: every metric, what it counts, its limits and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from gonogo.criteria.entries import ENDPOINTS, Criteria, Filter, Metric
from gonogo.model.kinds import Environment
from gonogo.model.limit import Limit
from gonogo.report import criteria_prose as prose
from gonogo.report.markdown import code, escape, table

HEAD = """\
# What a rollout is judged by

Made from [`checks/criteria.toml`](../checks/criteria.toml) by `./noxw -s docs`. Change a limit
there, never here. The words are those of the [glossary](glossary.md).
"""
COLUMNS = ("metric", "title", "kind", *Environment, "warning", "critical", "trigger", "weight")
KINDS: Mapping[str, str] = {
    "rate": "k of n events, judged with evidence",
    "census": "k of n things that exist now",
    "quantity": "one number",
    "answer": "yes or no",
    "top": "the most frequent texts",
}


def page(criteria: Criteria) -> str:
    """The whole page.

    Args:
        criteria: What is judged by.
    """
    groups: dict[str, list[Metric]] = {}
    for metric in criteria.metrics.values():
        groups.setdefault(metric.group, []).append(metric)
    parts = [
        HEAD,
        "## Verdict",
        prose.verdicts(),
        "## How figures become answers",
        prose.rules(criteria.rules),
        "## Health score",
        prose.score(criteria),
        "## Metrics",
        _kinds(),
        *(_group(name, metrics) for name, metrics in groups.items()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _kinds() -> str:
    kinds = "\n".join(f"- **{name}**: {meaning}" for name, meaning in KINDS.items())
    return f"A metric without a limit is only shown.\n\n{kinds}"


def _group(name: str, metrics: list[Metric]) -> str:
    rows = table(COLUMNS, [_row(metric) for metric in metrics])
    told = [_told(list(alike)) for _, alike in groupby(metrics, _recommendation)]
    return "\n\n".join([f"### {name}", "\n".join(rows), *told])


def _recommendation(metric: Metric) -> tuple[str, ...]:
    """Neighbours that recommend the same are told together."""
    return (metric.means, metric.first, metric.query) if metric.means else (metric.id,)


def _row(metric: Metric) -> list[str]:
    objectives = [_limit(metric.objective.get(environment)) for environment in Environment]
    levels = [_limit(level) for level in (metric.warning, metric.critical, metric.trigger)]
    weight = str(metric.weight) if metric.weight else ""
    return [code(metric.id), escape(metric.title), metric.kind, *objectives, *levels, weight]


def _limit(limit: Limit | None) -> str:
    return code(limit.text) if limit else ""


def _told(metrics: list[Metric]) -> str:
    """What is counted, what a miss means, what to do first."""
    ids = [code(metric.id) for metric in metrics]
    one, shared = metrics[0], len(metrics) > 1
    heading = f"#### {ids[0]} to {ids[-1]}" if shared else f"#### {ids[0]}"
    points = [
        f"- **Counted{f' for {code(metric.id)}' if shared else ''}**: {_counted(metric)}"
        for metric in metrics
    ]
    if one.means:
        points += [f"- **A miss means**: {_words(one.means)}", f"- **First**: {_words(one.first)}"]
    query = [f"```sql\n{one.query.strip()}\n```"] if one.query else []
    return "\n\n".join([heading, "\n".join(points), *query])


def _words(text: str) -> str:
    """A sentence of the criteria file; what stands in backticks there is code."""
    pieces = text.split("`")
    return "".join(code(p) if i % 2 else _plain(p) for i, p in enumerate(pieces))


def _plain(text: str) -> str:
    """What stands before and after code, with the spaces between."""
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{escape(text)}{after}"


def _counted(metric: Metric) -> str:
    return f"{'; '.join([_what(metric), *_besides(metric)])}."


def _what(metric: Metric) -> str:
    if metric.survey == ENDPOINTS:
        return "asked over HTTP, now, whatever the window"
    of = " and ".join(_survey(name) for name in metric.sources)
    if metric.kind == "top":
        return f"the most frequent messages of {of}"
    if metric.derived:
        return f"{code(metric.derived)}, derived from {of}"
    if metric.part is None or metric.whole is None:
        pick = {"sum": "", "max": "the largest ", "mean": "the mean of "}[metric.pick]
        return f"{pick}{code(metric.value or '')} of {of}"
    return f"{_selected(metric.part)} of {_selected(metric.whole)}, in {of}"


def _survey(name: str) -> str:
    return f"[{code(name)}](../checks/sql/{name}.sql)"


def _selected(selector: str | Filter) -> str:
    if isinstance(selector, str):
        return code(selector)
    if not selector:
        return "all rows"
    filters = (
        f"{code(column)} {' or '.join(code(_value(value)) for value in values)}"
        for column, values in selector.items()
    )
    return f"rows with {' and '.join(filters)}"


def _value(value: str | bool) -> str:  # noqa: FBT001  # a filter's value, no switch
    return str(value).lower() if isinstance(value, bool) else value


def _besides(metric: Metric) -> Iterator[str]:
    """What else is looked at, and when it does not apply."""
    named = f", each of {_survey(metric.parts_in)}" if metric.parts_in else ""
    every = {
        f"by {code(metric.by or '')} too{named}": metric.by,
        f"its newest events in {_survey(metric.recency or '')}": metric.recency,
        "its trend over the window": metric.trend,
        f"shown by {code(metric.breakdown or '')}": metric.breakdown,
        "its events are the traffic of the soak": metric.traffic,
        "a footprint of the health score": metric.footprint,
        f"nothing there is met ({escape(metric.empty_reason)})": metric.empty == "none",
        f"left out at first ({escape(metric.not_yet_reason)})": metric.not_yet,
        "a miss is inconclusive, never failed": metric.unmet == "inconclusive",
        f"left out by {code(f'--without={metric.needs}')}": metric.needs,
    }
    yield from (words for words, applies in every.items() if applies)
