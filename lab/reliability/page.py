"""docs/reliability.md: the promises, their tests, and the planted faults. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gonogo.config.project import read_toml
from gonogo.criteria import Criteria, Metric
from gonogo.report.markdown import code, escape, table
from lab.reliability.faults import HERE, Planted

HEAD = """\
# What gonogo promises, and how it is proved

Each promise names the tests behind it; a test checks that they exist. The figures are in
[How good the verdict is](verdict-quality.md) and [What a kill leaves behind](kills.md), the
promises about secrets and rights in [SECURITY.md](../SECURITY.md). Made by
`./noxw -s reliability` from [`lab/reliability/`](../lab/reliability).
"""
PLANTED = """\
## Planted faults

A healthy world ([`healthy.sql`](../lab/reliability/healthy.sql)), on a real PostgreSQL, meets every
check. Each fault of [`planted.toml`](../lab/reliability/planted.toml) is planted in it twice, just
inside a limit and just past it, then measured and judged as a gate does. The limits are the tests'
own ([`criteria.toml`](../tests/shared/engine/criteria.toml)), so that a team can change those of
checks/criteria.toml. Past the limit, the checks below answer differently than inside; all others
stay as they were. Where a milder limit lies before this one, the answer is the same on both sides.
"""
SURVEYS = """\
## Broken surveys

Each of the {surveys} surveys is broken in each way that applies to it. What depends on it is then
inconclusive in both environments and gives the reason; nothing turns green.

| fault | caught by |
| --- | --- |
| its SQL has a syntax error | every check that needs the survey: "syntax error" |
| a table that it reads is missing | "a table is missing" |
| the role may not read one of its tables or catalogs | "the role has no right to read it" |
| it does not end | "the query took longer than", while the other surveys get their time |

Most surveys feed a whole metric. Only the alerts on success rates use the newest events
(`sync_recent`, `webhook_recent`) and the list of integrations (`schedule_states`): when one of
these surveys breaks, the criterion still has its own survey, and the alert is inconclusive.
"""
WIDTH = 100


class Strict(BaseModel):
    """No unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Promise(Strict):
    """One promise and the tests behind it, as ``file::function``."""

    text: str
    tests: Annotated[tuple[str, ...], Field(min_length=1)]


class Area(Strict):
    """Promises that belong together."""

    title: str
    promise: Annotated[tuple[Promise, ...], Field(min_length=1)]


class _File(Strict):
    area: tuple[Area, ...]


def promises(path: Path = HERE / "promises.toml") -> tuple[Area, ...]:
    """All promises, by area."""
    return _File.model_validate(read_toml(path)).area


def page(areas: Iterable[Area], faults: Iterable[Planted], criteria: Criteria, surveys: int) -> str:
    """The whole page.

    Args:
        areas: From `promises`.
        faults: From `lab.reliability.faults.load`.
        criteria: What their limits are.
        surveys: The number of surveys.
    """
    planted = "\n".join(table(("fault", "limit", "caught by"), _rows(faults, criteria)))
    parts = [HEAD, *_areas(areas), PLANTED, planted, SURVEYS.format(surveys=surveys)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _areas(areas: Iterable[Area]) -> Iterator[str]:
    for area in areas:
        yield f"## {area.title}"
        for promise in area.promise:
            yield "\n".join([textwrap.fill(escape(promise.text), WIDTH), "", *_tests(promise)])


def _tests(promise: Promise) -> Iterator[str]:
    for test in promise.tests:
        yield f"- [`{test}`](../{test.partition('::')[0]})"


def _rows(faults: Iterable[Planted], criteria: Criteria) -> Iterator[list[str]]:
    for one in faults:
        metric = criteria.metrics[one.metric]
        overdue = {"overdue": f">= {criteria.rules.overdue_n}"}
        limits = ", ".join(
            f"{name} {code(overdue.get(name) or _limit(metric, name, one))}" for name in one.limits
        )
        past = one.found_past
        caught = ", ".join(f"{code(check)} {past[check].value}" for check in one.caught_by)
        yield [escape(one.fault), f"{code(one.metric)} {limits}", caught]


def _limit(metric: Metric, name: str, planted: Planted) -> str:
    levels = {"warning": metric.warning, "critical": metric.critical, "trigger": metric.trigger}
    if metric.presence:
        levels["silence"] = metric.presence.critical
    limit = levels.get(name) or metric.objective[planted.environment]
    return limit.text
