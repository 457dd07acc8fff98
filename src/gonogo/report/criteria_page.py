"""`Criteria` → docs/criteria.md: every metric, what it counts, its limits and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from gonogo.criteria.entries import ENDPOINTS, Criteria, Filter, Metric, Rules
from gonogo.model.kinds import EXIT_CODES, Environment, VerdictKind
from gonogo.model.limit import Limit
from gonogo.report.markdown import code, escape, table

HEAD = """\
# What a rollout is judged by

`gonogo criteria` generates this page from [`checks/criteria.toml`](../checks/criteria.toml). Change
a limit there, never here. The [glossary](glossary.md) defines the words.
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
        _verdicts(),
        "## How figures become answers",
        _rules(criteria.rules),
        "## Health score",
        _score(criteria),
        "## Metrics",
        _kinds(),
        *(_group(name, metrics) for name, metrics in groups.items()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _kinds() -> str:
    kinds = "\n".join(f"- **{name}**: {meaning}" for name, meaning in KINDS.items())
    return f"gonogo only shows a metric without a limit.\n\n{kinds}"


def _group(name: str, metrics: list[Metric]) -> str:
    rows = table(COLUMNS, [_row(metric) for metric in metrics])
    explained = [_explained(list(alike)) for _, alike in groupby(metrics, _recommendation)]
    return "\n\n".join([f"### {name}", "\n".join(rows), *explained])


def _recommendation(metric: Metric) -> tuple[str, ...]:
    """Neighbours with the same recommendation are explained together."""
    return (metric.means, metric.first, metric.query) if metric.means else (metric.id,)


def _row(metric: Metric) -> list[str]:
    objectives = [_limit(metric.objective.get(environment)) for environment in Environment]
    levels = [_limit(level) for level in (metric.warning, metric.critical, metric.trigger)]
    weight = str(metric.weight) if metric.weight else ""
    return [code(metric.id), escape(metric.title), metric.kind, *objectives, *levels, weight]


def _limit(limit: Limit | None) -> str:
    return code(limit.text) if limit else ""


def _explained(metrics: list[Metric]) -> str:
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
        return "asked over HTTP, at the time of the run"
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
        "searched for a fall": metric.falls,
        _presence(metric): metric.presence,
        f"shown by {code(metric.breakdown or '')}": metric.breakdown,
        "its events are the traffic of the soak": metric.traffic,
        "a footprint of the health score": metric.footprint,
        f"met when there is nothing ({escape(metric.empty_reason)})": metric.empty == "none",
        f"left out at first ({escape(metric.not_yet_reason)})": metric.not_yet,
        "a miss is inconclusive, never failed": metric.unmet == "inconclusive",
        f"left out by {code(f'--without={metric.needs}')}": metric.needs,
    }
    yield from (words for words, applies in every.items() if applies)


def _presence(metric: Metric) -> str:
    stream = f"{_selected(metric.stream)}, in {_survey(metric.stream_survey or '')}"
    longest = metric.presence.critical if metric.presence else None
    past = f"; an alert when silent for {code(longest.text)}" if longest else ""
    return f"must be present: {stream}{past}"


WHEN = {
    VerdictKind.ROLLBACK: "any rollback trigger fires",
    VerdictKind.NO_GO: "else any success criterion fails or any critical alert fires; "
    "with `--strict`, any warning",
    VerdictKind.HOLD: "else anything is inconclusive, a check was not run, or the soak is not over",
    VerdictKind.GO: "every criterion is met with evidence; warnings are listed",
}
RULES = """\
Counts are exact integers and comparisons are exact: 95 of 100 is not `> 95 %`.

A **rate** is judged in this order:

1. *Critical*, or *a trigger that fires*: n ≥ {least}, and the point estimate is past that level.
2. *Met*: it meets the objective, and the evidence excludes the critical level: at that level, so
   good a count has a probability of at most {tail} (exact binomial tail; from {many} events on,
   {tail_of_many}). A band needs n ≥ {band}.
3. *Failed*: n ≥ {least}, and the whole 95 % Wilson interval misses the objective.
4. *Inconclusive* otherwise; the reason says how many more events would settle it.

Four more rules look beyond the whole:

- *By part* (a value of the column `by`): a part whose whole interval lies past the critical level
  (n ≥ {least}) raises a critical alert, however good the whole is. With several parts, a part whose
  evidence does not exclude the critical level makes the alert inconclusive: the whole proves
  nothing about a part that hardly ran, or did not run at all.
- *Recency*: when the whole 99 % interval of the last {recent} events lies past the critical level,
  it raises a critical alert, however good the window is.
- *Falls*: the hourly counts, whole and by part, are searched for the hour since when the rate is
  worse (generalised likelihood ratio over all hours; divided by the dispersion of neighbouring
  hours, so that bursts count for less). In at most {fall} of looks a steady rate seems to have
  fallen. A rate that fell and now misses its objective makes the alert inconclusive; it raises a
  critical alert when the events since then lie past the critical level beyond doubt. A dip that
  has healed is no fall, and neither is a daily wave that stays above the objective.
- *Presence*: no rate sees what does not come. For each stream that must flow (the whole, and each
  part) eight days by the hour say how many events are overdue since its newest one, at this time
  of the day and week. Bursts and clusters count once, and
  a few rows an hour of a busy stream hide nothing. With {overdue} or more overdue the check is
  inconclusive; past its longest silence it is a critical alert.

A **census** counts what exists now and is judged as it is; past its critical level or trigger with
n < {least} it is inconclusive. So is each of its parts, where it has a column `by` and a critical
level. Triggers judge the whole, never single parts.

**Missing data never passes.** Missing rows, a missing table, a missing right, hidden rows or a
query that exceeded its time give *inconclusive*, and the check says what is missing. 0 of 0 is met
only where a healthy system has nothing to count; such metrics say so below.

A survey with the parameter `%(since_deployment)s` counts from the end of the deployment, over at
most {since} days and at least the window. {patterns}
"""
SCORE = """\
0 to 100: the sum of the weighted metrics below. Background jobs weigh {jobs}, by their share of
fresh footprints. Each metric scores full at its target (the objective, or else the warning level),
zero at its critical level, and linearly between; a band scores zero 20 points outside it. A metric
without data is left out, the other weights are rescaled, and the score is marked partial. {bands}.
"""


def _rules(asked: Rules) -> str:
    """The rules of evidence, with their figures.

    Args:
        asked: The section ``[rules]``.
    """
    return RULES.format(
        least=asked.least_n,
        band=asked.band_n,
        tail=_percent(asked.excluded_at),
        many=asked.many_n,
        tail_of_many=_percent(asked.excluded_of_many),
        fall=_percent(asked.fall_by_chance),
        overdue=asked.overdue_n,
        recent=_or(str(size) for size in asked.recent),
        since=asked.since_deployment_days,
        patterns=_patterns(asked),
    )


def _patterns(asked: Rules) -> str:
    patterns = ", ".join(code(pattern) for pattern in asked.critical_patterns)
    if not patterns:
        return "No error message counts as critical."
    return f"Critical error messages are those that hold any of: {patterns}."


def _verdicts() -> str:
    """The table of verdicts, worst first."""
    rows = [[code(kind.value), WHEN[kind], str(EXIT_CODES[kind])] for kind in VerdictKind]
    return "\n".join(table(["verdict", "when", "exit code"], rows))


def _score(criteria: Criteria) -> str:
    """How the health score is made.

    Args:
        criteria: Its weights and bands.
    """
    ladder = sorted(criteria.score.bands.items(), key=lambda band: -band[1])
    bands = ", ".join(f"{escape(name)} from {least}" for name, least in ladder)
    return SCORE.format(jobs=criteria.score.jobs, bands=bands)


def _percent(share: float) -> str:
    return f"{share * 100:g} %"


def _or(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
