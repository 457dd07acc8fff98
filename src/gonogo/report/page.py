"""A record → what its page shows, and in which order. Pure; recomputes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gonogo.model.kinds import ItemState, Kind, MarkState, Outcome, Role
from gonogo.model.record import MetricEntry, Record
from gonogo.report.answers import Answer
from gonogo.report.axes import levels_of
from gonogo.report.charts import Hours, hours_of, spark
from gonogo.report.english import MOSTLY, whose
from gonogo.report.sentences import OUTAGES
from gonogo.report.text import OUTCOMES, moment, outcome_look, span

STALE_S = 900
ALL_POINTS = 100
TABLES = (
    (
        Role.CRITERION,
        "criteria",
        "Success criteria",
        "Each must be met with evidence. Rates show their 95 % interval against the limit.",
    ),
    (Role.ALERT, "alerts", "Alerts", "A critical alert is NO-GO; a warning is listed."),
    (
        Role.TRIGGER,
        "triggers",
        "Rollback triggers",
        "Any one that fires means: roll back now.",
    ),
    (
        Role.PRESENCE,
        "presence",
        "Presence",
        "Events that must keep coming: with too many overdue, the verdict is HOLD.",
    ),
)
NOT_MET = "Not met"
RATES = "Rates"
REST = "Others"
# Fewer rows than this need no heading of their own.
LEAST_OF_A_GROUP = 3
CALM = frozenset({Outcome.MET, Outcome.LEFT_OUT})
NOT_SETTLED = frozenset({ItemState.OPEN, ItemState.FAILED})
RIGHTS = {
    "read": "reads only",
    "write": "may write to tables: more than the gate needs, see docs/gate-role.md",
    "superuser": "a superuser's: more than the gate needs, see docs/gate-role.md",
}
Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Card:
    """One metric that needs attention: all of its findings that are not met, the worst first."""

    metric: str
    entry: MetricEntry
    answers: Sequence[Answer]

    @property
    def whose(self) -> Sequence[str]:
        """Who or what accounts for most of the failures."""
        return whose(self.answers[0].measurement, MOSTLY)


@dataclass(frozen=True, slots=True)
class Group:
    """Findings under one heading within a table.

    Args:
        title: The heading; or that these are not met.
        answers: In the criteria file's order.
    """

    title: str
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Table:
    """The findings of one role, what is not met before all else."""

    anchor: str
    title: str
    caption: str
    groups: Sequence[Group]

    @property
    def tally(self) -> str:
        """How many are as they should be."""
        found = [answer for group in self.groups for answer in group.answers]
        met = [answer for answer in found if answer.outcome is Outcome.MET]
        word = outcome_look(met[0]).word if met else OUTCOMES[Outcome.MET].word
        return f"{len(met)} of {len(found)} {word.lower()}"


def notices(record: Record) -> list[str]:
    """What must be known before anything else is read."""
    lines = []
    if record.simulated:
        lines.append("Simulated: a rehearsal in a sandbox, not to be signed for production.")
    age_s = int(record.as_of_age.total_seconds())
    if record.window and age_s > STALE_S:
        lines.append(
            f"As of {moment(record.window.end)}, {span(age_s)} before it was measured: "
            "states and endpoints are those of later; not to be signed for production."
        )
    if not record.is_whole:
        lines.append("Aborted: the run did not get to its end.")
    known = record.provenance and record.provenance.database
    if known and known.cluster and record.kind in {Kind.GATE, Kind.SUMMARY}:
        lines.append(
            "A cluster (Citus): no snapshot spans its workers. Hours that are over were read "
            "twice: where they differ, the gate holds."
        )
    if known and not known.system_identifier and record.kind in {Kind.GATE, Kind.SUMMARY}:
        lines.append(
            "The role may not read which server this is (pg_control_system()): earlier records of "
            "this database are found by the way there, which another server may stand behind too."
        )
    return lines


def attention(found: Iterable[Answer]) -> list[Card]:
    """Everything that is neither met nor left out, a card a metric, the worst first."""
    rank = {outcome: place for place, outcome in enumerate(OUTCOMES)}
    by_metric: dict[str, list[Answer]] = {}
    for answer in sorted(found, key=lambda one: rank[one.outcome]):
        if answer.outcome not in CALM:
            by_metric.setdefault(answer.metric, []).append(answer)
    return [Card(metric, group[0].entry, group) for metric, group in by_metric.items()]


def tables(record: Record, found: Sequence[Answer]) -> list[Table]:
    """The findings by role: what is not met first, then the rest by heading."""
    named = {metric: heading.title for heading in record.headings for metric in heading.metrics}
    by_role = [
        Table(anchor, title, caption, _groups([one for one in found if one.role is role], named))
        for role, anchor, title, caption in TABLES
    ]
    return [table for table in by_role if table.groups]


def _groups(found: Sequence[Answer], named: Mapping[str, str]) -> list[Group]:
    groups: dict[str, list[Answer]] = {NOT_MET: [], RATES: []}
    groups |= {title: [] for title in named.values()}
    for answer in found:
        title = RATES if answer.interval else named.get(answer.metric, REST)
        met = answer.outcome is Outcome.MET
        groups.setdefault(title if met else NOT_MET, []).append(answer)
    small = [t for t in groups if t not in {NOT_MET, RATES} and len(groups[t]) < LEAST_OF_A_GROUP]
    rest = [answer for title in small for answer in groups.pop(title)]
    titled = [*groups.items(), (REST, rest)]
    return [Group(title, group) for title, group in titled if group]


def hours(record: Record, found: Sequence[Answer]) -> dict[str, Hours]:
    """What is drawn of each metric's hours."""
    drawn = {}
    # In the order of the checks, which is the criteria file's; what is only shown comes last.
    order = dict.fromkeys(answer.metric for answer in found)
    for metric in {**order, **record.measurements}:
        levels = levels_of([one for one in found if one.metric == metric])
        if one := hours_of(record.measurements[metric], levels, record.window):
            drawn[metric] = one
    return drawn


def sparks(record: Record) -> dict[str, str]:
    """The hours of each rate in the space of a word."""
    drawn = {name: spark(one, record.window) for name, one in record.measurements.items()}
    return {metric: path for metric, path in drawn.items() if path}


def sureness(record: Record) -> list[str]:
    """How much stands behind the verdict; nothing where no check was expected."""
    return list(_sure(record)) if record.expected else []


def open_phases(record: Record) -> list[str]:
    """How much of the checklist is not settled, phase by phase; what is not due is not open."""
    return [
        f"{phase.title}: {number} of {len(phase.items)}"
        for phase in record.checklist
        if (number := sum(item.state in NOT_SETTLED for item in phase.items))
    ]


def facts(record: Record) -> list[Fact]:
    """By what the record is known: which database, what is deployed, and what was left out."""
    every = [*_database(record), *_asked(record), *_deployed(record)]
    return [(name, value) for name, value in every if value]


def _database(record: Record) -> Iterator[Fact]:
    known = record.provenance
    if known is None:
        return
    identity, brief = known.database, record.kind is Kind.SUMMARY
    if identity:
        yield "Database", identity.database
    yield "Connection", known.connection
    for member in known.members:
        yield f"Database {member.name}", member.connection
    if not identity:
        return
    yield "Server", f"PostgreSQL {identity.server_version}"
    yield "System identifier", identity.system_identifier or "not visible to this role"
    # Of several records, each has its own.
    if not brief:
        yield "Role", identity.role
    if record.kind in {Kind.GATE, Kind.SMOKE}:
        yield "Rights of the role", RIGHTS.get(identity.rights, "unknown")
        yield "Standby", "yes" if identity.standby else "no"
        yield "Snapshot", identity.snapshot


def _asked(record: Record) -> Iterator[Fact]:
    known, window = record.provenance, record.window
    if known and record.kind in {Kind.GATE, Kind.SMOKE}:
        yield "Measured at", moment(known.taken_at) if known.taken_at else ""
        yield "Ledger", known.ledger_problem or "present"
    if window and window.deployed_at is None:
        yield (
            "Coverage",
            "unknown: nothing says when it was deployed; the whole window is assumed",
        )
    yield "Gates since the deployment", "" if record.gates is None else str(record.gates)
    yield "Left out on purpose", ", ".join(record.without)


def _deployed(record: Record) -> Iterator[Fact]:
    subject, rollout = record.subject, record.rollout
    if subject:
        yield "Deployment", subject.deployment
        yield "Application revision", subject.revision or "unknown"
        yield "Migrations (sha256)", subject.migrations_sha256 or "unknown"
        yield "Criteria (sha256)", subject.criteria_sha256 or "unknown"
    if rollout:
        yield "Previous revision", rollout.previous_revision or ""
        yield "Deployed by", rollout.deployed_by or ""
        yield "Override", rollout.override or ""
        yield "Mode", rollout.mode or ""
        yield "Reason", (rollout.reason or "none given") if rollout.mode else ""
        if outage := rollout.outage:
            yield "Outage", OUTAGES[outage.kind].format(length=f"{outage.seconds or 0:.1f} s")
        yield "Not done", "; ".join(rollout.not_done)
        yield "Log", rollout.log
    yield "gonogo", record.gonogo


def steps_summary(record: Record) -> str:
    """How the steps went, in a sentence."""
    steps = record.steps
    # A smoke request that was not sent is why the run did not pass, and has not failed itself.
    passed = record.outcome not in {"failed", "not asked"}
    wrong = {"failed"} if passed else {"failed", "skipped"}
    failed = sorted(
        (step for step in steps if step.outcome in wrong),
        key=lambda step: step.outcome == "skipped",
    )
    took = span(float(sum(step.elapsed_s for step in steps)))
    if failed:
        why = failed[0].error or failed[0].proved or "failed"
        return f"{failed[0].title}: {why.partition(chr(10))[0]}"
    done = sum(step.outcome == "succeeded" for step in steps)
    skipped = sum(step.outcome == "skipped" for step in steps)
    left = f", {skipped} had nothing to do" if skipped else ""
    return f"{done} of {len(steps)} steps done{left}; together {took}."


def _sure(record: Record) -> Iterator[str]:
    outcomes = Counter(finding.outcome for finding in record.findings)
    answered = f"{len(record.findings)} of {len(record.expected)} checks answered"
    left = outcomes[Outcome.LEFT_OUT]
    left_out = f", {left} left out on purpose" if left else ""
    yield f"{answered}, {outcomes[Outcome.INCONCLUSIVE] or 'none'} inconclusive{left_out}"
    if window := record.window:
        whole = "all" if window.complete else span(window.covered)
        yield f"{whole} of the {span(window.asked)} covered"
    if score := record.score:
        of_all = "all 100" if score.measured == ALL_POINTS else f"{score.measured} of 100"
        yield f"{of_all} points of the score measured"
    if soak := record.soak:
        missing = sum(mark.state is MarkState.MISSING for mark in soak.marks)
        if missing:
            yield f"{missing} of {len(soak.marks)} moments of the soak without a record"
    if record.gates:
        yield f"gate number {record.gates} since the deployment"
