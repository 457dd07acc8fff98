"""One snapshot, every survey once, a Measurement for each metric.

The surveys are shared out over the sessions of one snapshot: each takes the next job as soon as it
is free. What runs in parallel runs in the database; a thread here only waits for its answer.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from gonogo.criteria import Criteria, Metric
from gonogo.measure import surveys
from gonogo.measure.cube import Tables
from gonogo.measure.metrics import WHOLE, measure, parts_of
from gonogo.measure.surveys import (
    CLUSTER_WIDTH,
    HOUR,
    LOST,
    WIDTH,
    Slice,
    Survey,
    Surveyed,
    Table,
    cut,
    naive,
)
from gonogo.model.kinds import Environment, Says
from gonogo.model.measurement import Measurement, Remark, Window
from gonogo.postgres.readonly import Session

# Where a survey of the newest events asks for one part of the whole.
PART = "%(part)s"
# Who wrote a row is known on each worker alone: on a cluster such a survey is not asked.
WRITER = "xmin"
# No text matches it: where no pattern is critical, no message is.
NOTHING = "a\\mb"
# So many slices are asked in a row: enough to share a savepoint, few enough to end all at once.
SLICES_A_JOB = 8
# Ctrl-C that wakes another thread, or comes just before the wait, is handled after so long.
STEP_S = 0.2
# A list shows so many messages; a message of the fleet's list may come later in a member's own.
MOST_MESSAGES, OF_A_MEMBER = 5, 100
Job = Callable[[Session], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Args:
        criteria: The metrics.
        sql_dir: Where their surveys lie.
        environment: Whose deployments count.
        window: What is judged.
        versions: The migrations that must be recorded.
        pooled: Whether the database is one of a fleet, whose tables are added up.
    """

    criteria: Criteria
    sql_dir: Path
    environment: Environment
    window: Window
    versions: tuple[str, ...]
    pooled: bool = False

    @property
    def most_recent(self) -> int:
        """How many of the newest events are asked for."""
        return max(self.criteria.rules.recent)


def take(session: Session, plan: Plan) -> dict[str, Measurement]:
    """Measure everything in the session's snapshot, on as many sessions as share it.

    Args:
        session: In its transaction.
        plan: What to measure.

    Raises:
        psycopg.errors.SerializationFailure: A standby cancelled the snapshot; repeat it whole.
    """
    return measured(plan, survey(session, plan))


def survey(session: Session, plan: Plan) -> Surveyed:
    """Ask every survey in the session's snapshot, as `take` does.

    Args:
        session: In its transaction.
        plan: What to measure.
    """
    parameters = {**_parameters(plan), "part": None}
    width = CLUSTER_WIDTH if session.on_cluster else WIDTH
    sessions = (session, *session.open_others())
    asked: dict[str, Asking] = {}
    earlier: dict[str, Asking] = {}
    for name in plan.criteria.surveys():
        one = surveys.load(plan.sql_dir, name)
        if session.on_cluster and WRITER in one.query:
            continue
        counted = name in plan.criteria.counted(pooled=plan.pooled)
        if counted:
            slices = cut(plan.window, width) if one.sliced else ()
            asked[name] = Asking(one, parameters, slices)
        if name in plan.criteria.stream_surveys():
            days = surveys.earlier(plan.window, with_window=not counted)
            earlier[name] = Asking(one, parameters, days)
    _ask(sessions, (*asked.values(), *earlier.values()))
    unasked = dict.fromkeys(plan.criteria.surveys(), Table())
    tables = unasked | {name: one.table for name, one in asked.items()}
    # Which parts there are is known only now.
    of_parts = {
        (name, part): Asking(asked[name].survey, {**parameters, "part": part})
        for name, parts in _parts(plan.criteria, tables).items()
        for part in parts
        if PART in asked[name].survey.query
    }
    _ask(sessions, of_parts.values())
    recent = {name: {WHOLE: tables[name]} for name in _parts(plan.criteria, tables)}
    for (name, part), asking in of_parts.items():
        recent[name][part] = asking.table
    moved = _moved(sessions, asked.values(), plan.window) if session.on_cluster else {}
    return Surveyed(tables, recent, {name: one.table for name, one in earlier.items()}, moved)


def measured(plan: Plan, found: Surveyed) -> dict[str, Measurement]:
    """A measurement of each metric.

    Args:
        plan: What was asked.
        found: What the surveys brought.
    """
    criteria, moved = plan.criteria, found.moved
    every = measure(criteria, found.tables, found.recent, found.earlier, plan.window)
    if not moved:
        return every
    return {name: _noted(criteria.metrics[name], one, moved) for name, one in every.items()}


def _moved(
    sessions: Sequence[Session], asked: Iterable[Asking], window: Window
) -> Mapping[str, Remark]:
    """The cubes whose closed hours differ when they are read once more, by survey.

    No snapshot spans the workers of a cluster: a row may come, or go, between two queries. All
    hours but the newest are over; what they hold must not change any more.
    """
    cubes = [one for one in asked if one.survey.sliced and not one.table.missing]
    again = [Asking(one.survey, one.parameters, one.slices) for one in cubes]
    _ask(sessions, again)
    found = {}
    for one, other in zip(cubes, again, strict=True):
        name, missing = one.survey.name, other.table.missing
        if missing:
            found[name] = Remark(Says.READ_ONCE, name, missing.detail)
        elif hours := _differing(one.table, other.table, window.end - HOUR):
            found[name] = Remark(Says.HOURS_MOVED, name, number=hours)
    return found


def _differing(one: Table, other: Table, newest: datetime) -> int:
    """How many hours before the newest one do not hold the same rows."""
    first, second = (Counter(map(repr, table.rows)) for table in (one, other))
    rows = {repr(row): row["hour"] for table in (one, other) for row in table.rows}
    return len({rows[text] for text in (first - second) + (second - first) if rows[text] < newest})


def _noted(metric: Metric, found: Measurement, moved: Mapping[str, Remark]) -> Measurement:
    notes = tuple(moved[name] for name in metric.sources if name in moved)
    return replace(found, notes=(*found.notes, *notes)) if notes else found


def _ask(sessions: Sequence[Session], asked: Iterable[Asking]) -> None:
    """Whole surveys are begun first; the many slices then keep every session busy to the end."""
    in_order = sorted(asked, key=lambda asking: asking.survey.sliced)
    share_out(sessions, [job for asking in in_order for job in asking.jobs()])


def _parts(criteria: Criteria, tables: Tables) -> Mapping[str, tuple[str, ...]]:
    """The surveys of the newest events, and the parts of which each is asked as well."""
    return {
        metric.recency: parts_of(metric, tables)
        for metric in criteria.metrics.values()
        if metric.recency
    }


def _parameters(plan: Plan) -> dict[str, object]:
    window, rules = plan.window, plan.criteria.rules
    oldest = window.end - timedelta(days=rules.since_deployment_days)
    since_deployment = max(window.deployed_at or window.start, oldest)
    return {
        "window_start": naive(window.start),
        "as_of": naive(window.end),
        # Evidence grows since the deployment, but never covers less than the window.
        "since_deployment": naive(min(since_deployment, window.start)),
        "most_recent": plan.most_recent,
        "most_messages": MOST_MESSAGES * (OF_A_MEMBER if plan.pooled else 1),
        "critical_pattern": "|".join(rules.critical_patterns) or NOTHING,
        "environment": plan.environment.value,
        "versions": list(plan.versions),
    }


@dataclass(slots=True)
class Asking:
    """One survey that is being asked, whole or by slices, and its answers so far.

    Args:
        survey: What is asked.
        parameters: Bound by name.
        slices: Of the window, oldest first, for a survey that is sliced.
    """

    survey: Survey
    parameters: Mapping[str, object]
    slices: Sequence[Slice] = ()
    _parts: dict[int, Table] = field(default_factory=dict)

    def jobs(self) -> Iterator[Job]:
        """The jobs that ask it: on any session, in any order."""
        return (partial(self._ask, number) for number in range(len(self._pieces())))

    @property
    def table(self) -> Table:
        """All rows, oldest slice first, or the first reason why some are missing."""
        reasons = (part.missing for part in self._parts.values())
        unasked = LOST if len(self._parts) < len(self._pieces()) else None
        if missing := next(filter(None, reasons), unasked):
            return Table(missing=missing)
        rows = (row for number in sorted(self._parts) for row in self._parts[number].rows)
        return Table(tuple(rows), sliced=self.survey.sliced)

    def _pieces(self) -> Sequence[Sequence[Slice]]:
        if not self.survey.sliced:
            return [()]
        starts = range(0, len(self.slices), SLICES_A_JOB)
        return [self.slices[start : start + SLICES_A_JOB] for start in starts]

    def _ask(self, number: int, session: Session) -> None:
        if any(part.missing for part in self._parts.values()):
            # Half a table is of no use: a survey that failed once is not asked again.
            return
        piece = self._pieces()[number]
        self._parts[number] = surveys.run(session, self.survey, self.parameters, piece)


def share_out(sessions: Sequence[Session], jobs: Iterable[Job]) -> None:
    """Do every job, each on one session; the caller's thread works too.

    A session that is lost takes no further job; when all are lost, the remaining jobs are not done.

    Args:
        sessions: Of one snapshot, the caller's own first.
        jobs: In the order in which they are begun; the longest first keep all busy to the end.

    Raises:
        Exception: What a job raised. The others end what they are at, and begin nothing more.
    """
    own, *others = sessions
    waiting = deque(jobs)
    if not others:
        _work(own, waiting)
        return
    with ThreadPoolExecutor(len(others), "gonogo survey") as threads:
        try:
            working = [threads.submit(_work, session, waiting) for session in others]
            _work(own, waiting)
            while wait(working, STEP_S).not_done:
                pass
        except BaseException:
            for session in others:
                session.cancel()
            raise
    for ended in working:
        ended.result()


def _work(session: Session, waiting: deque[Job]) -> None:
    while not session.lost:
        try:
            job = waiting.popleft()
        except IndexError:
            return
        try:
            job(session)
        except BaseException:
            waiting.clear()
            raise
