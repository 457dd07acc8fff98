"""How the figures of criteria.toml are used, in words: rules, verdict, score. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gonogo.criteria.entries import Criteria, Rules
from gonogo.model.kinds import VerdictKind
from gonogo.report.markdown import code, escape, table

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

1. Past a critical level or a trigger, with n ≥ {least}: it counts as such, by its point estimate.
2. *Met*: it meets the objective, and the evidence excludes the critical level: at that level, so
   good a count has a probability of at most {tail} (exact binomial tail; from {many} events on,
   {tail_of_many}). A band needs n ≥ {band}.
3. *Failed*: n ≥ {least}, and the whole 95 % Wilson interval misses the objective.
4. Otherwise *inconclusive*, with how many more events would settle it.

Beside the whole:

- *By part* (a value of the column `by`): one whose whole interval lies past the critical level
  (n ≥ {least}) is a critical alert, however good the pool is. Where there are several, one whose
  evidence does not exclude the critical level leaves the alert inconclusive: a pool proves nothing
  about a part of it that hardly ran, or did not run at all.
- *Recency*: when the 99 % interval of the last {recent} events lies wholly past the critical
  level, it is a critical alert, however well the window looks.
- *Trend*: a second half of the window that is significantly worse than the first (99 %) and past
  the warning level is a warning.

A **census** counts what exists now and stands as it is; past its critical level or trigger with
n < {least} it is inconclusive. Triggers look at the whole, never at single parts.

**No data is never a pass.** No rows where there must be some, a missing table, a missing right,
hidden rows, a query that ran out of time: inconclusive, and the check says what is missing. Only
where health empties the denominator is 0 of 0 met; such metrics say so below.

A survey that asks for `%(since_deployment)s` counts from the deployment's end, at most {since}
days, never less than the window. {patterns}
"""
SCORE = """\
0 to 100, weighed as in the tables below; background jobs weigh {jobs}, by their share of fresh
footprints. Each metric is full at its target (the objective, or else the warning level), zero at
its critical level, linear between; a band is zero 20 points outside it. What has no data is left
out, the rest rescaled, and the score marked partial. {bands}.
"""


def rules(asked: Rules) -> str:
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
        recent=_or(str(size) for size in asked.recent),
        since=asked.since_deployment_days,
        patterns=_patterns(asked),
    )


def _patterns(asked: Rules) -> str:
    patterns = ", ".join(code(pattern) for pattern in asked.critical_patterns)
    if not patterns:
        return "No error message counts as critical."
    return f"Critical error messages are those that hold any of: {patterns}."


def verdicts() -> str:
    """The table of verdicts, worst first."""
    rows = [[code(kind.value), WHEN[kind], str(kind.exit_code)] for kind in VerdictKind]
    return "\n".join(table(["verdict", "when", "exit code"], rows))


def score(criteria: Criteria) -> str:
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
