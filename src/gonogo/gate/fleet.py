"""Several databases of one application, judged as one.

Each that can be judged is measured in a snapshot of its own, a few at once, over the same window.
What they bring is added up (`measure.pool`), and each is judged by its own evidence besides;
`judge.verdict` says what follows from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from statistics import median_low
from threading import Lock

from gonogo.criteria import ENDPOINTS, Criteria
from gonogo.errors import DatabaseError
from gonogo.gate.members import MemberSetting, newest_of, side_by_side
from gonogo.gate.observe import (
    MOST_AHEAD,
    judged,
    plan_of,
    read_facts,
    unreachable,
    with_answers,
    with_our_clock,
)
from gonogo.gate.setting import Observation, Setting
from gonogo.judge.verdict import decide, lacks_events, unsettled
from gonogo.measure.ledger_facts import MOST
from gonogo.measure.pool import Pool, measured
from gonogo.measure.surveys import LOST, Surveyed
from gonogo.measure.take import Plan, survey
from gonogo.model.finding import Finding, JudgedMember, MemberFigure
from gonogo.model.kinds import Outcome, Says
from gonogo.model.measurement import Measurement, Remark
from gonogo.model.step import LedgerEvent
from gonogo.postgres.readonly import Session
from gonogo.postgres.snapshot import in_snapshot

MINUTE = timedelta(minutes=1)
WORST = (
    Outcome.FIRED,
    Outcome.CRITICAL,
    Outcome.FAILED,
    Outcome.INCONCLUSIVE,
    Outcome.WARNING,
    Outcome.MET,
    Outcome.LEFT_OUT,
)
PAST = frozenset(WORST[:3])


@dataclass(slots=True)
class _Looks:
    """What the snapshots show, added up as they come.

    Args:
        setting: The fleet.
        plan: What each is asked.
    """

    setting: Setting
    plan: Plan
    pool: Pool
    events: list[LedgerEvent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def look(self, member: MemberSetting, sessions: list[Session]) -> JudgedMember:
        """Measure one database, add it to the fleet's, and judge it by its own evidence."""

        def measure(session: Session) -> tuple[Surveyed | Remark, tuple[LedgerEvent, ...]]:
            sessions.append(session)
            return self._measure(session, member)

        if member.problem:
            return self._not_judged(member, member.problem)
        manners = replace(self.setting.options.manners, sessions=1)
        try:
            found, events = in_snapshot(member.settings, manners, measure)
        except DatabaseError as error:
            return self._not_judged(member, Remark(Says.UNREACHABLE, detail=error.problem))
        if isinstance(found, Remark):
            return self._not_judged(member, found)
        own = measured(self.plan, found)
        with self._lock:
            self.pool.add(member.name, found, own)
            self.events += (replace(one, title=f"{member.name}: {one.title}") for one in events)
        return self._judged(member, own)

    def _measure(
        self, session: Session, member: MemberSetting
    ) -> tuple[Surveyed | Remark, tuple[LedgerEvent, ...]]:
        facts, events = read_facts(session, self.setting)
        if lost := session.lost_anchor:
            return Remark(Says.OTHER_SCHEMA, lost), events
        if facts != member.facts:
            return Remark(Says.DEPLOYED_MEANWHILE), events
        found = survey(session, self.plan)
        if LOST in (table.missing for table in found.tables.values()):
            raise DatabaseError("the connection was lost")
        return found, events

    def _not_judged(self, member: MemberSetting, problem: Remark) -> JudgedMember:
        mask = self.setting.mask
        shown = replace(problem, subject=mask(problem.subject), detail=mask(problem.detail))
        return replace(self._entry(member), problem=shown)

    def _entry(self, member: MemberSetting) -> JudgedMember:
        return JudgedMember(
            name=member.name,
            group=member.group,
            canary=member.canary,
            deployment=member.facts.deployment,
            revision=self.setting.mask(member.facts.revision),
        )

    def _judged(self, member: MemberSetting, own: Mapping[str, Measurement]) -> JudgedMember:
        alone = replace(self.setting, criteria=_of_one(self.setting))
        seen = Observation(self.plan.window, self.plan.window.end, member.facts, None, own, {})
        seen = judged(alone, seen)
        findings = sorted(seen.findings.values(), key=lambda one: WORST.index(one.outcome))
        verdict = decide(
            list(seen.findings),
            findings,
            seen.window,
            strict=self.setting.options.strict,
            hold=unsettled(seen.measurements),
        )
        shown = (one for one in findings if one.outcome in PAST or lacks_events(one))
        return replace(
            self._entry(member),
            verdict=verdict.kind,
            outcome=findings[0].outcome if findings else None,
            findings=tuple(shown),
            figures=dict(_figures(alone.criteria, seen.measurements, findings)),
        )


def _of_one(setting: Setting) -> Criteria:
    """The criteria of one database of many: the application's answers are the fleet's.

    Each is searched for a fall, so that in all of them a steady rate seems to have fallen no more
    often than in one.
    """
    criteria = setting.criteria
    metrics = {
        name: metric for name, metric in criteria.metrics.items() if metric.survey != ENDPOINTS
    }
    chance = criteria.rules.fall_by_chance / len(setting.members)
    rules = criteria.rules.model_copy(update={"fall_by_chance": chance})
    return criteria.model_copy(update={"metrics": metrics, "rules": rules})


def _figures(
    criteria: Criteria, measurements: Mapping[str, Measurement], findings: Iterable[Finding]
) -> Iterator[tuple[str, MemberFigure]]:
    """What a database adds to each metric; hour by hour where a fall is sought, or the traffic."""
    outcomes: dict[str, Outcome] = {}
    for finding in findings:
        outcomes.setdefault(finding.metric, finding.outcome)
    for name, one in measurements.items():
        metric = criteria.metrics[name]
        hourly = one.hourly if metric.falls or metric.traffic else ()
        yield (
            name,
            MemberFigure(
                one.count,
                one.value,
                one.missing or one.left_out,
                outcomes.get(name),
                tuple(hour.count for hour in hourly),
            ),
        )


def observe_fleet(setting: Setting, answers: Mapping[str, Measurement]) -> Observation:
    """Measure every database that can be judged, and judge them as one.

    Args:
        setting: From `asked`.
        answers: Measurements of what no survey measures (the endpoints), by metric.
    """
    fit = [one for one in setting.members if not one.problem]
    facts = newest_of(fit or setting.members)
    plan = replace(plan_of(setting, facts, setting.as_of or datetime.now(UTC)), pooled=True)
    looks = _Looks(setting, plan, Pool(plan))
    members = sorted(side_by_side(setting, looks.look), key=_worst_first)
    if all(one.problem for one in members):
        names = ", ".join(one.name for one in members)
        return replace(
            unreachable(setting, answers, f"{names}: none was judged"), members=tuple(members)
        )
    middle = median_low(one.clock for one in fit)
    found = with_our_clock(setting.criteria, looks.pool.measured(), -middle)
    found = _with_clocks(setting.criteria, found, {one.name: one.clock - middle for one in fit})
    problems = (f"{one.name}: {one.facts.problem}" for one in fit if one.facts.problem)
    seen = Observation(
        plan.window,
        datetime.now(UTC) + middle,
        replace(facts, problem=next(problems, None)),
        None,
        found,
        {},
        tuple(sorted(looks.events, key=lambda one: one.at)[-MOST:]),
        members=tuple(members),
    )
    return with_answers(setting, seen, answers)


def _worst_first(one: JudgedMember) -> tuple[int, int, str]:
    """One that is past a limit, then one that was not judged, then the others."""
    outcome = Outcome.INCONCLUSIVE if one.problem else one.outcome or Outcome.LEFT_OUT
    by_kind = Counter(finding.outcome for finding in one.findings)
    return WORST.index(outcome), -by_kind[outcome] - bool(one.problem) * len(WORST), one.name


def _with_clocks(
    criteria: Criteria, found: Mapping[str, Measurement], clocks: Mapping[str, timedelta]
) -> Mapping[str, Measurement]:
    """Hold a server's clock that differs from the fleet's as a row from the future: no window fits.

    Args:
        criteria: Which metric judges the clocks.
        found: By metric.
        clocks: How far each server's clock is ahead of the fleet's, by member.
    """
    metric = next((one for one in criteria.metrics.values() if one.clock), None)
    wrong = {name: abs(ahead) for name, ahead in clocks.items() if abs(ahead) >= MOST_AHEAD}
    if metric is None or not wrong or metric.id not in found:
        return found
    notes = tuple(
        Remark(Says.SERVER_CLOCK, number=round(ahead / MINUTE), member=name)
        for name, ahead in sorted(wrong.items())
    )
    one, most = found[metric.id], Fraction(max(wrong.values()) // timedelta(seconds=1))
    value = one.value if one.missing else max(most, one.value or most)
    return {**found, metric.id: replace(one, value=value, notes=(*one.notes, *notes))}
