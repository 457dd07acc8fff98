"""Example records: one of each verdict, a deployment, a rollback, smoke requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from gonogo.model.finding import (
    Decidable,
    Figures,
    Finding,
    HealthScore,
    JudgedMember,
    LevelLimit,
    MemberFigure,
    ScorePart,
    Verdict,
    VerdictReason,
)
from gonogo.model.kinds import (
    Environment,
    ItemState,
    Kind,
    Level,
    MarkState,
    Outcome,
    Reason,
    Role,
    Says,
    State,
    VerdictKind,
    Why,
)
from gonogo.model.limit import Interval, parse_limit
from gonogo.model.measurement import (
    Count,
    DatabaseIdentity,
    HourCount,
    Measurement,
    Remark,
    Window,
    Worst,
)
from gonogo.model.record import (
    Heading,
    ItemEntry,
    Mark,
    MetricEntry,
    PhaseEntry,
    Record,
    Rollout,
    Soak,
)
from gonogo.model.step import (
    Change,
    Commit,
    LedgerEvent,
    MainRate,
    Migrated,
    Provenance,
    StepRecord,
    Subject,
    SummedRecord,
)

START = datetime(2026, 11, 21, 14, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
GAP = range(27, 30)
QUERY = """select integration_type, left(error_message, 120) as message, count(*)
from sync_metrics
where result = 'failure' and created_at >= now() - interval '48 hours'
group by 1, 2 order by 3 desc limit 20;"""
IDENTITY = DatabaseIdentity(
    "7445311930402817", "app_staging", "18.6", "gonogo_gate", snapshot="00000003-0000001B-1"
)
SUBJECT = Subject(
    deployment="2", revision="9f1c2ab4c1d0", migrations_sha256="5b" * 32, criteria_sha256="4a" * 32
)


def after(hours: float = 0) -> datetime:
    """A moment so many hours after the deployment."""
    return START + hours * HOUR


def says(text: str) -> Remark:
    """A remark that is this text."""
    return Remark(Says.TEAM, detail=text)


def limits(role: Role, text: str) -> tuple[LevelLimit, ...]:
    """What a check asks, from how people write it: an alert's levels by name."""
    if role is not Role.ALERT:
        level = Level.OBJECTIVE if role is Role.CRITERION else Level.TRIGGER
        return (LevelLimit(level, parse_limit(text)),)
    named = (part.split(" ", 1) for part in text.split(", "))
    return tuple(LevelLimit(Level(name), parse_limit(limit)) for name, limit in named)


def finding(
    check: str,
    limit: str,
    outcome: Outcome = Outcome.MET,
    interval: Interval | None = None,
    reason: str = "",
) -> Finding:
    """One finding; its reason is the text, or that the limit is met."""
    role, _, metric = check.partition(":")
    asked = limits(Role(role), limit)
    if reason:
        figures = Figures(remark=says(reason))
        return Finding(metric, Role(role), outcome, asked, Reason.LEFT_OUT, figures, interval)
    figures = Figures(count=Count(97, 100), passed=asked[0])
    return Finding(metric, Role(role), outcome, asked, Reason.MEETS, figures, interval)


def entry(metric: str, title: str, **more: Any) -> MetricEntry:
    """What is known of a metric beside its figures."""
    known: dict[str, Any] = {
        "title": title,
        "group": metric.partition(".")[0],
        "kind": "rate",
        "unit": "",
        "objective": {},
        "warning": None,
        "critical": None,
        "trigger": None,
        "means": "Syncs that were carried out end in an error too often.",
        "first": "Look at the top errors below: one message usually accounts for most.",
        "query": QUERY,
    }
    return MetricEntry(**known | more)


def hourly(share: float, events: int) -> tuple[HourCount, ...]:
    """The hours of the soak around a share; three without an event."""
    hours = []
    for index in range(48):
        n = 0 if index in GAP else events + (index * 37) % events
        k = min(n, round(n * (share + ((index * 13) % 7 - 3) / 250)))
        hours.append(HourCount(after(index), Count(k, n)))
    return tuple(hours)


def parts(
    hours: Sequence[HourCount], shares: Mapping[str, float], rest: str = ""
) -> dict[str, tuple[int, ...]]:
    """Each hour's k in parts by their shares; what is left over has the name `rest`."""
    told = {n: tuple(int(hour.count.k * share) for hour in hours) for n, share in shares.items()}
    if rest:
        told[rest] = tuple(
            hour.count.k - sum(part[i] for part in told.values()) for i, hour in enumerate(hours)
        )
    return told


TITLES = {
    "errors.critical": "Critical error messages",
    "errors.sync": "Sync errors",
    "endpoint.dashboard": "Admin dashboard",
    "jobs.consecutive_failures": "Consecutive failures of a job",
    "jobs.token_refresh": "Token refresh has run",
    "onboarding.success_rate": "Onboarding success rate",
    "schema.043": "Migration 043 is in place",
    "sync.duration": "Duration of successful syncs",
    "sync.executed": "Syncs carried out, of all that were due",
    "sync.skip_rate": "API usage reduction (skipped syncs)",
    "sync.success_rate": "Sync success rate",
    "token.invalid_users": "Users with an invalid token",
    "token.unknown": "Tokens of unknown state",
    "webhook.success_rate": "Webhook success rate",
}
OTHER_KINDS = {
    "errors.critical": {"kind": "quantity"},
    "errors.sync": {"kind": "top"},
    "endpoint.dashboard": {"kind": "answer"},
    "jobs.consecutive_failures": {"kind": "quantity"},
    "jobs.token_refresh": {"kind": "quantity", "unit": "h"},
    "sync.duration": {"kind": "quantity", "unit": "ms"},
}


COUNTED = {
    "sync.success_rate": {"counts": "syncs", "that": "succeeded"},
    "onboarding.success_rate": {"counts": "first syncs", "that": "succeeded"},
}


def metrics() -> dict[str, MetricEntry]:
    """What is known of each metric of the examples."""
    more = {**OTHER_KINDS, **COUNTED}
    return {name: entry(name, title, **more.get(name, {})) for name, title in TITLES.items()}


def measurements() -> dict[str, Measurement]:
    """A good 48 h."""
    told = [
        Measurement(
            "sync.success_rate",
            Count(3800, 3926),
            hourly=hourly(0.968, 60),
            by_part={"google_calendar": Count(2610, 2702), "google_contacts": Count(1190, 1224)},
            worst=(Worst("user", "3f1c", Count(71, 126), Count(3789, 3844)),),
        ),
        Measurement(
            "sync.skip_rate",
            Count(12996, 16922),
            hourly=hourly(0.768, 260),
            hourly_parts=parts(
                hourly(0.768, 260), {"adaptive": 0.97, "token expiring": 0.02, "other": 0.01}
            ),
            breakdown={"adaptive": 12660, "token expiring": 204, "other": 132},
        ),
        Measurement(
            "sync.executed",
            Count(3926, 16922),
            hourly=hourly(0.232, 260),
            hourly_parts=parts(hourly(1.0, 260), {"skipped": 0.768, "success": 0.224}, "failure"),
            breakdown={"skipped": 12996, "success": 3800, "failure": 126},
        ),
        Measurement(
            "onboarding.success_rate",
            Count(118, 120),
            by_part={"google_calendar": Count(60, 61)},
            breakdown={"new_users": 31, "pending": 2},
        ),
        Measurement(
            "token.unknown",
            Count(11, 1010),
            breakdown={"valid": 920, "expiring_soon": 48, "expired": 20, "unknown": 11},
        ),
        Measurement("token.invalid_users", Count(31, 1010)),
        Measurement("webhook.success_rate", Count(2641, 2676), hourly=hourly(0.987, 40)),
        Measurement(
            "sync.duration",
            value=Fraction(812, 1000),
            breakdown={"google_calendar": 640, "google_contacts": 1190},
        ),
        Measurement(
            "jobs.consecutive_failures",
            value=Fraction(0),
            notes=(says("no runs reported; the footprints stand alone"),),
        ),
        Measurement("jobs.token_refresh", value=Fraction(12240)),
        Measurement("errors.critical", value=Fraction(0)),
        Measurement(
            "errors.sync",
            breakdown={"Request timed out after 30000 ms": 61, "Rate limit exceeded (429)": 40},
        ),
        Measurement("schema.043", Count(14, 14)),
        Measurement("endpoint.dashboard", left_out=Remark(Says.LEFT_OUT, "endpoints")),
    ]
    return {one.metric: one for one in told}


SYNC = Interval(0.9618, 0.973)


def findings() -> tuple[Finding, ...]:
    """All of them met."""
    webhook, skip = Interval(0.9819, 0.9906), Interval(0.7616, 0.7743)
    onboarding = Interval(0.9413, 0.9954)
    return (
        finding("criterion:sync.success_rate", "> 90 %", interval=SYNC),
        finding("criterion:sync.skip_rate", "70 % .. 85 %", interval=skip),
        finding("criterion:webhook.success_rate", "> 95 %", interval=webhook),
        finding("criterion:onboarding.success_rate", "> 95 %", interval=onboarding),
        finding("criterion:errors.critical", "= 0"),
        finding("criterion:jobs.token_refresh", "<= 26 h"),
        finding("criterion:schema.043", "= 100 %"),
        finding("alert:sync.success_rate", "warning < 90 %, critical < 80 %", interval=SYNC),
        finding("alert:token.invalid_users", "warning > 10 %, critical > 20 %"),
        finding("trigger:sync.success_rate", "< 70 %", interval=SYNC),
        finding(
            "trigger:endpoint.dashboard",
            "no",
            Outcome.LEFT_OUT,
            reason="endpoints were left out on purpose",
        ),
    )


def soak() -> Soak:
    """Looked at in time, but for hour 8, up to the end; two hours without traffic."""
    there = {"hour 1": 1.2, "hour 4": 4.1, "hour 12": 12.2, "hour 24": 24.2, "day 2": 48.0}
    due = {"hour 1": 1, "hour 4": 4, "hour 8": 8, "hour 12": 12, "hour 24": 24, "day 2": 48}
    marks = tuple(
        Mark(
            name=name,
            due_at=after(hour),
            state=MarkState.PRESENT if name in there else MarkState.MISSING,
            at=after(there[name]) if name in there else None,
            record="20261121T182100Z_HOLD" if name in there and name != "day 2" else None,
        )
        for name, hour in due.items()
    )
    silent = tuple(after(index) for index in GAP)
    return Soak(deployed_at=START, end=after(48), marks=marks, hours=48, silent=silent)


def timeline() -> tuple[LedgerEvent, ...]:
    """A deployment that failed, its mending, an incident that was none."""
    told = [
        (-3.1, "migration-failed", "Migration 041 (SQLSTATE 42601)", "syntax error"),
        (-3, "deploy-failed", "Deployment 1: 9f1c2ab4c1d0", "before it 77aa0123bc45; by ada"),
        (0, "deployed", "Deployment 2: 9f1c2ab4c1d0", "before it 77aa0123bc45; by ada"),
        (20, "incident", "Calendar sync is down", "number 1"),
        (21, "closed", "Calendar sync is down", "number 1, void: it does not count"),
    ]
    return tuple(LedgerEvent(after(hours), *rest) for hours, *rest in told)


def change(**more: Any) -> Change:
    """Twelve commits, the newest ten by name, and two migrations."""
    subjects = (
        "Renew webhooks in time",
        *(f"Part {number} of the schedule" for number in range(9)),
    )
    known: dict[str, Any] = {
        "before": "77aa0123bc45",
        "commits": tuple(Commit(f"{n:02}" * 20, "Ada", one) for n, one in enumerate(subjects)),
        "added": 12,
        "taken_back": 1,
        "migrations": (
            Migrated("038_add_admin_role_support.sql", ("ACCESS EXCLUSIVE on users",)),
            Migrated("039_create_token_health_table.sql", None),
        ),
        "deployed_by": "ada",
        "deployed_at": START,
        "record": "20261121T141200Z_DEPLOYED",
    }
    return Change(**known | more)


def look(verdict: str, hours: float, k: int, points: float) -> SummedRecord:
    """An earlier record of the gate."""
    return SummedRecord(
        record=f"20261120T{round(hours) % 24:02}1500Z_{verdict}",
        sha256="4a" * 32,
        at=after(hours),
        asked_s=172800,
        verdict=VerdictKind(verdict),
        points=points,
        band="Good",
        rates=(MainRate("sync.success_rate", TITLES["sync.success_rate"], Count(k, 1000)),),
    )


def provenance(**more: Any) -> Provenance:
    """The staging database, measured when its window ended."""
    known: dict[str, Any] = {
        "connection": "postgresql://gonogo_gate@db/app_staging",
        "database": IDENTITY,
        "taken_at": after(48),
        "subject": SUBJECT,
    }
    return Provenance(**known | more)


def gate(**more: Any) -> Record:
    """A GO record as the gate hands it over, without what closing it adds."""
    found = findings()
    known: dict[str, Any] = {
        "kind": Kind.GATE,
        "state": State.COMPLETE,
        "title": "Staging gate, 48 h",
        "environment": Environment.STAGING,
        "started_at": after(48),
        "finished_at": after(48.0005),
        "gonogo": "1.2.3",
        "provenance": provenance(),
        "change": change(),
        "signers": 2,
        "signer_is_not_deployer": True,
        "last_look": look("HOLD", 24, 930, 96.1),
        "last_go": look("GO", -40, 968, 97.3),
        "verdict": Verdict(VerdictKind.GO, (VerdictReason(Why.ALL_MET),)),
        "window": Window(48 * HOUR, START, after(48), START),
        "score": HealthScore(
            97.3,
            95,
            "Excellent",
            (
                ScorePart("Sync success rate", 25.0, 25),
                ScorePart("Webhook success rate", 19.3, 20),
                ScorePart("Background jobs", 5.0, 5),
            ),
        ),
        "expected": tuple(each.id for each in found),
        "gates": 3,
        "headings": (
            Heading(title="Webhook health", metrics=("webhook.success_rate",)),
            Heading(title="API usage reduction", metrics=("sync.skip_rate",)),
            Heading(
                title="Sync performance",
                metrics=("sync.success_rate", "sync.executed", "sync.duration"),
            ),
        ),
        "metrics": metrics(),
        "findings": found,
        "measurements": measurements(),
        "soak": soak(),
        "timeline": timeline(),
        "reproduce": "pytest checks/ --window=48h --environment=staging",
    }
    return Record(**known | more)


def judged(
    kind: VerdictKind, changes: Mapping[str, tuple[Outcome, str]], *more: VerdictReason
) -> Record:
    """The gate's record with other outcomes: finding id → outcome and reason."""
    told = []
    for each in findings():
        outcome, reason = changes.get(each.id, (each.outcome, ""))
        because = (Reason.LEFT_OUT, Figures(remark=says(reason)))
        same = (each.reason, each.figures)
        code, figures = because if reason else same
        told.append(replace(each, outcome=outcome, reason=code, figures=figures))
    reasons = tuple(VerdictReason(Why.FINDING, name) for name in changes)
    return gate(findings=tuple(told), verdict=Verdict(kind, (*reasons, *more)))


def hold() -> Record:
    """A soak that is not over, with checks that gave no answer."""
    reason = "100.0 % (3 of 3): too few events to exclude < 80 %; about 14 more would settle it"
    record = judged(
        VerdictKind.HOLD,
        {"criterion:onboarding.success_rate": (Outcome.INCONCLUSIVE, reason)},
        VerdictReason(Why.SOAK_INCOMPLETE, covered_s=111600, asked_s=172800),
    )
    assert record.verdict
    not_run = record.findings[-1].id
    return record.having(
        findings=record.findings[:-1],
        verdict=replace(record.verdict, not_run=(not_run,)),
        decidable=Decidable(after(48), "onboarding.success_rate", 14),
        window=Window(48 * HOUR, START, after(31), START),
        provenance=provenance(taken_at=after(31 + 24)),
    )


def no_go() -> Record:
    """A failed criterion, its critical alert, and a warning."""
    reason = "76.2 % (2992 of 3926), 95 % interval 74.9 to 77.5 %, is past critical < 80 %"
    record = judged(
        VerdictKind.NO_GO,
        {
            "criterion:sync.success_rate": (Outcome.FAILED, reason),
            "alert:sync.success_rate": (Outcome.CRITICAL, "76.2 % is past critical < 80 %"),
            "alert:token.invalid_users": (Outcome.WARNING, "12.4 % is past warning > 10 %"),
        },
    )
    assert record.verdict
    assert record.score
    warning = VerdictReason(Why.FINDING, "alert:token.invalid_users")
    sync = replace(record.measurements["sync.success_rate"], hourly=hourly(0.762, 60))
    return record.having(
        verdict=replace(record.verdict, warnings=(warning,)),
        measurements={**record.measurements, "sync.success_rate": sync},
        score=replace(record.score, points=58.4, band="Poor", measured=100),
    )


def rollback_verdict() -> Record:
    """A trigger fires, in a rehearsal."""
    reason = "41.0 % (1609 of 3926) fires at < 70 %"
    return judged(
        VerdictKind.ROLLBACK,
        {
            "trigger:sync.success_rate": (Outcome.FIRED, reason),
            "criterion:sync.success_rate": (Outcome.FAILED, "41.0 % is past trigger < 70 %"),
        },
    ).having(simulated=True)


def steps(*named: tuple[str, str, str]) -> list[StepRecord]:
    """Steps that succeeded: name, title, what each proved."""
    return [
        StepRecord(name, title, "succeeded", after(index / 600), 0.4 + index, proved)
        for index, (name, title, proved) in enumerate(named)
    ]


def deployment(**more: Any) -> Record:
    """A deployment that failed at its migrations."""
    environment, backup, migrate = steps(
        ("environment", "Check the environment", "every variable is well-formed"),
        ("backup", "Back up the database", "restored into a scratch database: 12 tables equal"),
        ("migrate", "Apply the migrations", ""),
    )
    error = "041_create_sync_schedule_table.sql:7: syntax error [SQLSTATE 42601]\nat: bigit"
    path = "backup_staging_20261121T141500Z.dump"
    known: dict[str, Any] = {
        "kind": Kind.DEPLOYMENT,
        "state": State.COMPLETE,
        "title": "Deployment to staging",
        "environment": Environment.STAGING,
        "started_at": after(0),
        "finished_at": after(0.02),
        "gonogo": "1.2.3",
        "outcome": "failed",
        "steps": (
            environment,
            replace(backup, evidence={"path": path, "bytes": 183204}),
            replace(migrate, outcome="failed", error=error),
        ),
        "provenance": provenance(taken_at=None),
        "change": change(record=None, deployed_at=None),
        "rollout": Rollout(
            previous_revision="77aa0123bc45",
            deployed_by="ada",
            override=None,
            log="/logs/deploy.log",
            reason=None,
            mode=None,
            not_done=("Grant the rights",),
        ),
        "reproduce": "./noxw -s deploy_staging",
    }
    return Record(**known | more)


def rollback() -> Record:
    """A rollback that succeeded."""
    done = steps(
        ("stop_jobs", "Stop the background jobs", "no job process is left"),
        ("revert", "Revert the migrations", "9 reverted; new tables moved aside"),
        ("prove", "Prove the schema equal", "fingerprint equal to that before the deployment"),
    )
    return deployment(
        kind=Kind.ROLLBACK,
        title="Rollback of staging",
        outcome="succeeded",
        steps=tuple(done),
        reproduce="./noxw -s rollback",
    )


def smoke() -> Record:
    """Smoke requests of which one was refused and one not sent."""
    manual, webhook = steps(
        ("manual_sync", "A manual synchronization for the user of SMOKE_JWT", "not sent: not set"),
        ("webhook", "A notification for a channel that nobody knows", ""),
    )
    sent = replace(
        webhook,
        outcome="failed",
        error="HTTP 404 and no JSON: nobody serves this path",
        evidence={"URL": "https://app.example/api/webhooks/calendar", "HTTP status": 404},
    )
    return deployment(
        kind=Kind.SMOKE,
        title="Staging smoke requests",
        steps=(replace(manual, outcome="skipped"), sent),
        rollout=None,
        reproduce="./noxw -s verify -- --smoke",
    )


def summary() -> Record:
    """The final report of a soak: GO, with a bad day behind it."""
    told = [(12, "HOLD", 96.1, 930), (30, "NO-GO", 61.0, 780), (48, "GO", 97.3, 968)]
    records = tuple(
        SummedRecord(
            record=f"20261122T{hours:02}1500Z_{verdict}",
            sha256="4a" * 32,
            at=after(hours),
            asked_s=172800,
            verdict=VerdictKind(verdict),
            points=points,
            band="Excellent" if verdict == "GO" else "Fair",
            rates=(
                MainRate(
                    metric="sync.success_rate", title="Sync success rate", count=Count(k, 1000)
                ),
            ),
        )
        for hours, verdict, points, k in told
    )
    bad = VerdictReason(
        Why.EARLIER_VERDICT, records[1].record, verdict=VerdictKind.NO_GO, at=after(30)
    )
    return gate(
        kind=Kind.SUMMARY,
        title="Staging: final report, 48h",
        records=records,
        verdict=Verdict(
            VerdictKind.GO,
            (VerdictReason(Why.NEWEST_RECORD, records[2].record, verdict=VerdictKind.GO),),
            warnings=(VerdictReason(Why.MOMENT_MISSED, "hour 8"), bad),
        ),
        soak=soak().model_copy(update={"hours": 0, "silent": ()}),
        headings=(),
        findings=(),
        expected=(),
        metrics={},
        measurements={},
        gates=None,
    )


def checklist(text: str = "Code", evidence: str = "") -> tuple[PhaseEntry, ...]:
    """A checklist of one item."""
    item = ItemEntry(
        id="pre.code",
        text=text,
        how="proved",
        state=ItemState.PROVED,
        evidence=evidence,
        is_own=False,
    )
    return (PhaseEntry(phase="pre", title=text, items=(item,)),)


def member(name: str, **more: Any) -> JudgedMember:
    """A database of a fleet that is well, and has the example's figures by hour."""
    figures = {
        name: MemberFigure(one.count, one.value, one.missing, Outcome.MET, counts)
        for name, one in measurements().items()
        for counts in (tuple(hour.count for hour in one.hourly),)
    }
    known = {"deployment": "12", "revision": SUBJECT.revision, "verdict": VerdictKind.GO}
    return JudgedMember(name, **known | {"outcome": Outcome.MET, "figures": figures} | more)


def fleet(size: int = 5) -> Record:
    """A fleet: the first database is past a level by itself, the second was not judged."""
    failing = replace(findings()[0], outcome=Outcome.CRITICAL)
    ill = member("ill", canary=True, verdict=VerdictKind.NO_GO, outcome=Outcome.CRITICAL)
    dead = JudgedMember("dead", "north", problem=says("the database does not answer"))
    figure = replace(ill.figures[failing.metric], outcome=Outcome.CRITICAL)
    ill = replace(ill, findings=(failing,), figures={**ill.figures, failing.metric: figure})
    well = (member(f"shard-{number}", group="south") for number in range(size - 2))
    return gate(members=(ill, dead, *well))


def planted(text: str) -> Record:
    """A GO record with one text in every place that a database or a user fills."""
    record = gate()
    told = tuple(
        replace(
            each,
            outcome=Outcome.WARNING,
            reason=Reason.LEFT_OUT,
            figures=Figures(remark=says(text)),
        )
        for each in record.findings
    )
    entries = {
        name: entry(name, text, kind=one.kind, unit=one.unit, means=text, first=text, query=text)
        for name, one in record.metrics.items()
    }
    measured = {
        name: replace(
            one,
            notes=(says(text),),
            breakdown={text: 3},
            by_part={text: Count(1, 2)},
            worst=(Worst(text, text, Count(9, 10)),),
            hourly_parts={text: (1,) * len(one.hourly)} if one.hourly else {},
        )
        for name, one in record.measurements.items()
    }
    unexplained = VerdictReason(Why.UNEXPLAINED, text)
    return record.having(
        title=text,
        reproduce=text,
        findings=told,
        metrics=entries,
        measurements=measured,
        verdict=Verdict(VerdictKind.GO, (unexplained,), (text,), (unexplained,)),
        timeline=tuple(replace(event, title=text, note=text) for event in record.timeline),
        provenance=provenance(
            connection=text,
            ledger_problem=text,
            database=replace(IDENTITY, database=text, role=text, snapshot=text),
            subject=SUBJECT.model_copy(update={"revision": text}),
        ),
        without=(text,),
        members=(
            replace(member(text, group=text, revision=text, deployment=text), findings=told[:1]),
            JudgedMember(text, text, problem=says(text)),
        ),
        checklist=checklist(text, text),
        change=change(
            before=text,
            commits=(Commit(text, text, text),),
            unknown=says(text),
            migrations=(Migrated(text, (text,)),),
            deployed_by=text,
        ),
    )


def planted_steps(text: str) -> Record:
    """A failed deployment with one text in every place that a command or a server fills."""
    record = deployment()
    told = tuple(
        replace(each, title=text, proved=text, error=text, evidence={text: text})
        for each in record.steps
    )
    return record.having(title=text, reproduce=text, steps=told, ended_by=text)


EXAMPLES: dict[str, Callable[[], Record]] = {
    "GO": gate,
    "HOLD": hold,
    "NO-GO": no_go,
    "ROLLBACK": rollback_verdict,
    "DEPLOY-FAILED": deployment,
    "ROLLED-BACK": rollback,
    "SMOKE-FAILED": smoke,
    "SUMMARY": summary,
}
