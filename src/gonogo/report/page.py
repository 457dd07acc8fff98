"""A record → what its page shows, and in which order. Pure; recomputes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from gonogo.errors import some
from gonogo.model.kinds import ItemState, Kind, MarkState, Outcome, VerdictKind, Why
from gonogo.model.measurement import Count
from gonogo.model.record import Record
from gonogo.model.step import SummedRecord
from gonogo.record.listing import main_rates
from gonogo.report import sentences
from gonogo.report.answers import Answer, Figure, reasons
from gonogo.report.cards import Card, Section, levels_of
from gonogo.report.charts import Chart, hourly_chart
from gonogo.report.english import tally
from gonogo.report.sentences import OUTAGES, OUTCOMES, VERDICTS, Look
from gonogo.report.text import cut, minute, moment, share, span

STALE_S, ALL_POINTS = 900, 100
OTHERS = "Other figures"
NOT_SETTLED = frozenset({ItemState.OPEN, ItemState.FAILED})
MOST_NAMED, MOST_SAID, MOST_CHARACTERS = 3, 2, 300
RIGHTS = {
    "read": "reads only",
    "write": "may write to tables: more than the gate needs, see docs/gate-role.md",
    "superuser": "a superuser's: more than the gate needs, see docs/gate-role.md",
}
Fact = tuple[str, str]


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


def cards(record: Record, found: Sequence[Answer], figures: Iterable[Figure]) -> list[Card]:
    """Every metric but the most frequent texts, in the order of the checks."""
    names = (*(answer.metric for answer in found), *record.measurements)
    by_metric: dict[str, list[Answer]] = {name: [] for name in names}
    for answer in sorted(found, key=lambda one: [*OUTCOMES].index(one.outcome)):
        by_metric[answer.metric].append(answer)
    shown = {one.metric: one for one in figures}
    every = [
        Card(name, record.metrics[name], answers, shown.get(name))
        for name, answers in by_metric.items()
        if answers or name in shown
    ]
    return [replace(one, chart=_chart(record, one)) if one.decides else one for one in every]


def attention(every: Iterable[Card]) -> list[Card]:
    """What is neither met nor left out, the worst first."""
    found = [card for card in every if not card.is_calm]
    return sorted(found, key=lambda card: [*OUTCOMES].index(card.answers[0].outcome))


def sections(record: Record, every: Iterable[Card]) -> list[Section]:
    """All that is calm and no rate that decides, by heading."""
    calm = {card.metric: card for card in every if card.is_calm and not card.decides}
    placed = [
        Section(one.title, [calm.pop(name) for name in one.metrics if name in calm])
        for one in record.headings
    ]
    return [one for one in (*placed, Section(OTHERS, list(calm.values()))) if one.cards]


def _chart(record: Record, card: Card) -> Chart | None:
    return hourly_chart(record.measurements[card.metric], levels_of(card.answers), record.window)


def why(record: Record, worst: Sequence[Card]) -> str:
    """Why the verdict is what it is, in one sentence; empty without one."""
    verdict, window = record.verdict, record.window
    if verdict is None:
        return ""
    if any(reason.why is Why.ALL_MET for reason in verdict.reasons) and window:
        lengths = {"covered": span(window.covered), "asked": span(window.asked)}
        return f"{sentences.COVERED.format(tally=tally(record.findings), **lengths)}."
    named = {reason.subject for reason in verdict.reasons if reason.why is Why.FINDING}
    counted = [one for one in worst if any(answer.id in named for answer in one.answers)]
    given = reasons(record, of_findings=False)[:MOST_SAID]
    said = [cut(one, MOST_CHARACTERS) for one in given]
    if counted and verdict.kind is not VerdictKind.HOLD:
        said.insert(0, f"{counted[0].entry.title}: {counted[0].words}")
        counted = counted[1:]
    if counted:
        titles = some([card.entry.title for card in counted], MOST_NAMED)
        said.append(
            sentences.ALSO.format(titles=titles) if said else sentences.OPEN.format(titles=titles)
        )
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def expected(record: Record) -> str:
    """When a HOLD is expected to be decidable; empty for no HOLD."""
    known = record.decidable
    if known is None:
        return ""
    if known.at is None:
        things = "check needs" if known.open == 1 else "checks need"
        return sentences.STUCK.format(open=known.open, things=things)
    entry = record.metrics.get(known.metric)
    what = sentences.SOAK_OVER
    if entry:
        counts = entry.counts or f"events of {entry.title}"
        what = sentences.MORE_EVENTS.format(more=known.more, counts=counts)
    return sentences.DECIDABLE.format(at=f"{minute(known.at)} UTC", what=what)


@dataclass(frozen=True, slots=True)
class Compared:
    """A line of what has changed: before, now, and which way; empty where one is not known."""

    title: str
    now: str | Look
    before: Sequence[tuple[str | Look, str]]


def compared(record: Record) -> list[Compared]:
    """Verdict, health score and main rates beside those of the earlier looks; none without one."""
    earlier = [one for one in (record.last_look, record.last_go) if one]
    if not earlier or record.verdict is None:
        return []
    score = record.score
    kinds = [(VERDICTS[one.verdict], "") for one in earlier]
    rows = [Compared("Verdict", VERDICTS[record.verdict.kind], kinds)]
    if score:
        scores = [
            ("", "") if one.points is None else (f"{one.points:g}", _way(one.points, score.points))
            for one in earlier
        ]
        rows.append(Compared("Health score", f"{score.points:g}", scores))
    for rate in main_rates(record):
        now = rate.count
        found = [_same_rate(one, rate.metric) for one in earlier]
        before = [
            (share(one), _way(one.share or 0, now.share or 0)) if one else ("", "") for one in found
        ]
        rows.append(Compared(rate.title, share(now), before))
    return rows


def _same_rate(one: SummedRecord, metric: str) -> Count | None:
    return next((rate.count for rate in one.rates if rate.metric == metric), None)


def _way(before: Fraction | float, now: Fraction | float) -> str:
    return "same" if now == before else "up" if now > before else "down"


def sureness(record: Record) -> list[str]:
    """How much stands behind the verdict; nothing where no check was expected."""
    return list(_sure(record)) if record.expected else []


def open_phases(record: Record) -> list[str]:
    """How much of the checklist is not settled, phase by phase; what is not due is not open."""
    return [
        f"{phase.title}: {number} of {len(phase.items)}"
        for phase in record.checklist
        # Of a rollback, what was deployed need not be settled any more.
        if record.kind is not Kind.ROLLBACK or phase.phase == record.kind
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
        yield "Database of the fleet", rollout.database
        yield "Previous revision", rollout.previous_revision or ""
        yield "Deployed by", rollout.deployed_by or ""
        yield "Override", rollout.override or ""
        yield "Mode", rollout.mode or ""
        yield "Reason", (rollout.reason or "none given") if rollout.mode else ""
        yield "Not done", "; ".join(rollout.not_done)
        yield "Log", rollout.log
    yield "gonogo", record.gonogo


def outage(record: Record) -> str:
    """How long a rollout kept the application away; empty where nobody looked."""
    known = record.rollout and record.rollout.outage
    return OUTAGES[known.kind].format(length=f"{known.seconds or 0:.1f} s") if known else ""


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
            yield f"no record of {missing} of the {len(soak.marks)} moments of the soak"
    if record.gates:
        yield f"gate number {record.gates} since the deployment"
