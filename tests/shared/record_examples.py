"""Example documents: a record of each verdict, a deployment, a rollback, smoke requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

START = datetime(2026, 11, 21, 14, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
GAP = range(27, 30)
QUERY = """select integration_type, left(error_message, 120) as message, count(*)
from sync_metrics
where result = 'failure' and created_at >= now() - interval '48 hours'
group by 1, 2 order by 3 desc limit 20;"""


def iso(hours: float = 0) -> str:
    """A moment so many hours after the deployment."""
    return (START + hours * HOUR).isoformat().replace("+00:00", "Z")


def finding(
    role: str, metric: str, title: str, outcome: str, limit: str, **more: Any
) -> Json:  # JSON
    """One finding; a rate when `count` is given."""
    count = more.get("count")
    value = f"{count[0] * 1000 // count[1] / 10} % ({count[0]} of {count[1]})" if count else "0"
    return {
        "id": f"{role}:{metric}",
        "metric": metric,
        "role": role,
        "group": metric.partition(".")[0],
        "title": title,
        "outcome": outcome,
        "limit": limit,
        "reason": more.get("reason") or f"{value} meets {limit}",
        "worsened": False,
        "value": more.get("value", value),
        "count": {"k": count[0], "n": count[1]} if count else None,
        "interval": more.get("interval"),
        "recommendation": {
            "means": "Syncs that were carried out end in an error too often.",
            "first": "Look at the top errors below: one message usually accounts for most.",
            "query": QUERY,
        },
    }


def hourly(share: float, events: int) -> list[Json]:
    """The hours of the soak around a share; three without an event."""
    hours = []
    for index in range(48):
        n = 0 if index in GAP else events + (index * 37) % events
        k = min(n, round(n * (share + ((index * 13) % 7 - 3) / 250)))
        hours.append({"start": iso(index), "k": k, "n": n})
    return hours


def parts(hours: list[Json], shares: dict[str, float], rest: str = "") -> Json:
    """Each hour's k in parts by their shares; what is left over has the name `rest`."""
    told = {name: [int(hour["k"] * share) for hour in hours] for name, share in shares.items()}
    if rest:
        told[rest] = [h["k"] - sum(part[i] for part in told.values()) for i, h in enumerate(hours)]
    return told


def measurement(title: str, **more: Any) -> Json:
    """One measurement with nothing but what is given."""
    empty: Json = {
        "count": None,
        "by_part": {},
        "hourly": [],
        "hourly_parts": {},
        "breakdown": {},
        "notes": [],
    }
    return {"title": title, "unit": "%", "value": None, "missing": None, **empty, **more}


def measurements() -> Json:
    """A good 48 h."""
    return {
        "sync.success_rate": measurement(
            "Sync success rate",
            hourly=hourly(0.968, 60),
            by_part={
                "google_calendar": {"k": 2610, "n": 2702},
                "google_contacts": {"k": 1190, "n": 1224},
            },
        ),
        "sync.skip_rate": measurement(
            "API usage reduction (skipped syncs)",
            value="76.7 % (12996 of 16922)",
            count={"k": 12996, "n": 16922},
            hourly=hourly(0.768, 260),
            hourly_parts=parts(
                hourly(0.768, 260), {"adaptive": 0.97, "token expiring": 0.02, "other": 0.01}
            ),
            breakdown={"adaptive": 12660, "token expiring": 204, "other": 132},
        ),
        "sync.executed": measurement(
            "Syncs carried out, of all that were due",
            value="23.2 % (3926 of 16922)",
            count={"k": 3926, "n": 16922},
            hourly=hourly(0.232, 260),
            hourly_parts=parts(hourly(1.0, 260), {"skipped": 0.768, "success": 0.224}, "failure"),
            breakdown={"skipped": 12996, "success": 3800, "failure": 126},
        ),
        "onboarding.success_rate": measurement(
            "Onboarding success rate",
            value="98.3 % (118 of 120)",
            count={"k": 118, "n": 120},
            by_part={"google_calendar": {"k": 60, "n": 61}},
            breakdown={"new_users": 31, "pending": 2},
        ),
        "token.unknown": measurement(
            "Tokens of unknown state",
            value="1.1 % (11 of 1010)",
            count={"k": 11, "n": 1010},
            breakdown={"valid": 920, "expiring_soon": 48, "expired": 20, "unknown": 11},
        ),
        "webhook.success_rate": measurement("Webhook success rate", hourly=hourly(0.987, 40)),
        "sync.duration": measurement(
            "Duration of successful syncs",
            unit="ms",
            value="812 ms",
            breakdown={"google_calendar": 640, "google_contacts": 1190},
        ),
        "jobs.consecutive_failures": measurement(
            "Consecutive failures of a job",
            unit="",
            value="0",
            notes=["no runs reported; the footprints stand alone"],
        ),
    }


def findings() -> list[Json]:
    """All of them met."""
    sync = {"count": [3800, 3926], "interval": {"low": 0.9618, "high": 0.973}}
    webhook = {"count": [2641, 2676], "interval": {"low": 0.9819, "high": 0.9906}}
    skip = {"count": [12996, 16922], "interval": {"low": 0.7616, "high": 0.7743}}
    onboarding = {"count": [118, 120], "interval": {"low": 0.9413, "high": 0.9954}}
    return [
        finding("criterion", "sync.success_rate", "Sync success rate", "met", "> 90 %", **sync),
        finding(
            "criterion",
            "sync.skip_rate",
            "API usage reduction (skipped syncs)",
            "met",
            "70 % .. 85 %",
            **skip,
        ),
        finding(
            "criterion", "webhook.success_rate", "Webhook success rate", "met", "> 95 %", **webhook
        ),
        finding(
            "criterion",
            "onboarding.success_rate",
            "Onboarding success rate",
            "met",
            "> 95 %",
            **onboarding,
        ),
        finding("criterion", "errors.critical", "Critical error messages", "met", "= 0"),
        finding(
            "criterion",
            "jobs.token_refresh",
            "Token refresh has run",
            "met",
            "<= 26 h",
            value="3.4 h",
            reason="3.4 h meets <= 26 h",
        ),
        finding(
            "criterion",
            "schema.043",
            "Migration 043 is in place",
            "met",
            "= 100 %",
            count=[14, 14],
        ),
        finding(
            "alert",
            "sync.success_rate",
            "Sync success rate",
            "met",
            "warning < 90 %, critical < 80 %",
            **sync,
        ),
        finding(
            "alert",
            "token.invalid_users",
            "Users with an invalid token",
            "met",
            "warning > 10 %, critical > 20 %",
            count=[31, 1010],
        ),
        finding("trigger", "sync.success_rate", "Sync success rate", "met", "< 70 %", **sync),
        finding(
            "trigger",
            "endpoint.dashboard",
            "Admin dashboard",
            "left_out",
            "no",
            value=None,
            reason="endpoints were left out on purpose",
        ),
    ]


def soak() -> Json:
    """Looked at in time, but for hour 8, up to the end; two hours without traffic."""
    there = {"hour 1": 1.2, "hour 4": 4.1, "hour 12": 12.2, "hour 24": 24.2, "day 2": 48.0}
    due = {"hour 1": 1, "hour 4": 4, "hour 8": 8, "hour 12": 12, "hour 24": 24, "day 2": 48}
    marks = [
        {
            "name": name,
            "due_at": iso(hour),
            "state": "present" if name in there else "missing",
            "at": iso(there[name]) if name in there else None,
            "record": "20261121T182100Z_HOLD" if name in there and name != "day 2" else None,
        }
        for name, hour in due.items()
    ]
    return {
        "deployed_at": iso(0),
        "end": iso(48),
        "marks": marks,
        "hours": 48,
        "silent": [iso(index) for index in GAP],
    }


def timeline() -> list[Json]:
    """A deployment that failed, its mending, an incident that was none."""
    told = [
        (-3.1, "migration-failed", "Migration 041 (SQLSTATE 42601)", "syntax error"),
        (-3, "deploy-failed", "Deployment 1: 9f1c2ab4c1d0", "before it 77aa0123bc45; by ada"),
        (0, "deployed", "Deployment 2: 9f1c2ab4c1d0", "before it 77aa0123bc45; by ada"),
        (20, "incident", "Calendar sync is down", "number 1"),
        (21, "closed", "Calendar sync is down", "number 1, void: it does not count"),
    ]
    names = ("at", "kind", "title", "note")
    return [dict(zip(names, (iso(hours), *rest), strict=True)) for hours, *rest in told]


def gate() -> Json:
    """A GO record as the gate hands it over, without what closing it adds."""
    found = findings()
    return {
        "kind": "gate",
        "state": "complete",
        "title": "Staging gate, 48 h",
        "environment": "staging",
        "simulated": False,
        "as_of_age_s": 0,
        "started_at": iso(48),
        "finished_at": iso(48.0005),
        "verdict": {
            "kind": "GO",
            "exit_code": 0,
            "reasons": [f"all {len(found) - 1} checks met with evidence"],
            "warnings": [],
            "not_run": [],
        },
        "outcome": None,
        "window": {
            "asked_s": 172800,
            "start": iso(0),
            "end": iso(48),
            "covered_s": 172800,
            "complete": True,
            "deployed_at": iso(0),
        },
        "score": {
            "points": 97.3,
            "measured": 95,
            "band": "Excellent",
            "parts": [
                {"name": "Sync success rate", "got": 25.0, "of": 25},
                {"name": "Webhook success rate", "got": 19.3, "of": 20},
                {"name": "Background jobs", "got": 5.0, "of": 5},
            ],
        },
        "expected": [each["id"] for each in found],
        "headings": [
            {"title": "Webhook health", "metrics": ["webhook.success_rate"]},
            {"title": "API usage reduction", "metrics": ["sync.skip_rate"]},
            {
                "title": "Sync performance",
                "metrics": ["sync.success_rate", "sync.executed", "sync.duration"],
            },
        ],
        "findings": found,
        "measurements": measurements(),
        "soak": soak(),
        "timeline": timeline(),
        "top_errors": [
            {"source": "Sync errors", "message": "Request timed out after 30000 ms", "count": 61},
            {"source": "Sync errors", "message": "Rate limit exceeded (429)", "count": 40},
        ],
        "steps": [],
        "facts": {
            "Database": "app_staging",
            "Server": "PostgreSQL 18.6",
            "System identifier": "7445311930402817",
            "Role": "gonogo_gate",
            "Snapshot": "00000003-0000001B-1",
            "Application revision": "9f1c2ab4c1d0",
            "Criteria (sha256)": "4a" * 32,
            "Gates since the deployment": "3",
        },
        "reproduce": "pytest checks/ --window=48h --environment=staging --as-of=" + iso(48),
    }


def judged(kind: str, exit_code: int, changes: dict[str, tuple[str, str]]) -> Json:
    """The gate's record with other outcomes: finding id → outcome and reason."""
    document = gate()
    for each in document["findings"]:
        if each["id"] in changes:
            each["outcome"], each["reason"] = changes[each["id"]]
    reasons = [f"{name.partition(':')[2]}: {reason}" for name, (_, reason) in changes.items()]
    document["verdict"] |= {"kind": kind, "exit_code": exit_code, "reasons": reasons}
    return document


def hold() -> Json:
    """A soak that is not over, with checks that gave no answer."""
    document = judged(
        "HOLD",
        10,
        {
            "criterion:onboarding.success_rate": (
                "inconclusive",
                "100.0 % (3 of 3): too few events to exclude < 80 %; about 14 more would settle it",
            )
        },
    )
    document["verdict"]["reasons"] += ["the soak is not complete: 31h of 48h covered"]
    document["verdict"]["not_run"] = [document["findings"].pop()["id"]]
    document["window"] |= {"covered_s": 111600, "complete": False, "end": iso(31)}
    document["as_of_age_s"] = 86400
    return document


def no_go() -> Json:
    """A failed criterion, its critical alert, and a warning."""
    reason = "76.2 % (2992 of 3926), 95 % interval 74.9 to 77.5 %, is past critical < 80 %"
    document = judged(
        "NO-GO",
        1,
        {
            "criterion:sync.success_rate": ("failed", reason),
            "alert:sync.success_rate": ("critical", "76.2 % is past critical < 80 %"),
            "alert:token.invalid_users": ("warning", "12.4 % is past warning > 10 %"),
        },
    )
    document["verdict"]["warnings"] = ["token.invalid_users: 12.4 % is past warning > 10 %"]
    document["measurements"]["sync.success_rate"]["hourly"] = hourly(0.762, 60)
    document["score"] |= {"points": 58.4, "band": "Poor", "measured": 100}
    return document


def rollback_verdict() -> Json:
    """A trigger fires, in a rehearsal."""
    reason = "41.0 % (1609 of 3926) fires at < 70 %"
    document = judged(
        "ROLLBACK",
        11,
        {
            "trigger:sync.success_rate": ("fired", reason),
            "criterion:sync.success_rate": ("failed", "41.0 % is past trigger < 70 %"),
        },
    )
    document["simulated"] = True
    document["verdict"]["reasons"] = [f"sync.success_rate: {reason}"]
    return document


def steps(*named: tuple[str, str, str]) -> list[Json]:
    """Steps that succeeded: name, title, what each proved."""
    return [
        {
            "name": name,
            "title": title,
            "outcome": "succeeded",
            "started_at": iso(index / 600),
            "elapsed_s": 0.4 + index,
            "proved": proved,
            "evidence": {},
            "error": None,
        }
        for index, (name, title, proved) in enumerate(named)
    ]


def deployment() -> Json:
    """A deployment that failed at its migrations."""
    done = steps(
        ("environment", "Check the environment", "every variable is well-formed"),
        ("backup", "Back up the database", "restored into a scratch database: 12 tables equal"),
        ("migrate", "Apply the migrations", ""),
    )
    done[1]["evidence"] = {"path": "backup_staging_20261121T141500Z.dump", "bytes": 183204}
    done[2] |= {
        "outcome": "failed",
        "error": "041_create_sync_schedule_table.sql:7: syntax error [SQLSTATE 42601]\nat: bigit",
    }
    return {
        "kind": "deployment",
        "state": "complete",
        "title": "Deployment to staging",
        "environment": "staging",
        "started_at": iso(0),
        "finished_at": iso(0.02),
        "outcome": "failed",
        "steps": done,
        "facts": {"Database": "app_staging", "Revision": "9f1c2ab4c1d0"},
        "reproduce": "./noxw -s deploy_staging",
    }


def rollback() -> Json:
    """A rollback that succeeded."""
    done = steps(
        ("stop_jobs", "Stop the background jobs", "no job process is left"),
        ("revert", "Revert the migrations", "9 reverted; new tables moved aside"),
        ("prove", "Prove the schema equal", "fingerprint equal to that before the deployment"),
    )
    changes = {"kind": "rollback", "title": "Rollback of staging", "outcome": "succeeded"}
    return deployment() | changes | {"steps": done, "reproduce": "./noxw -s rollback"}


def smoke() -> Json:
    """Smoke requests of which one was refused and one not sent."""
    sent = steps(
        ("manual_sync", "A manual synchronization for the user of SMOKE_JWT", "not sent: not set"),
        ("webhook", "A notification for a channel that nobody knows", ""),
    )
    sent[0]["outcome"] = "skipped"
    sent[1] |= {"outcome": "failed", "error": "HTTP 404 and no JSON: nobody serves this path"}
    sent[1]["evidence"] = {"URL": "https://app.example/api/webhooks/calendar", "HTTP status": 404}
    changes = {"kind": "smoke", "title": "Staging smoke requests", "steps": sent}
    return deployment() | changes | {"reproduce": "./noxw -s verify -- --smoke"}


def summary() -> Json:
    """The final report of a soak: GO, with a bad day behind it."""
    document = gate()
    told = [(12, "HOLD", 96.1, 930), (30, "NO-GO", 61.0, 780), (48, "GO", 97.3, 968)]
    document["records"] = [
        {
            "record": f"20261122T{hours:02}1500Z_{verdict}",
            "sha256": "4a" * 32,
            "at": iso(hours),
            "asked_s": 172800,
            "verdict": verdict,
            "points": points,
            "band": "Excellent" if verdict == "GO" else "Fair",
            "rates": [
                {"metric": "sync.success_rate", "title": "Sync success rate", "k": k, "n": 1000}
            ],
        }
        for hours, verdict, points, k in told
    ]
    document["verdict"] |= {
        "reasons": ["20261122T481500Z_GO says GO"],
        "warnings": ["nobody looked at hour 8", "20261122T301500Z_NO-GO was NO-GO"],
    }
    document["soak"] |= {"hours": 0, "silent": []}
    only_of_gates: Json = {"headings": [], "findings": [], "expected": [], "measurements": {}}
    title = "Staging: final report, 48h"
    return document | only_of_gates | {"kind": "summary", "title": title, "top_errors": []}


def planted(text: str) -> Json:
    """A GO record with one text in every place that a database or a user fills."""
    document = gate()
    for each in document["findings"]:
        each |= {"title": text, "reason": text, "value": text, "limit": text}
        each["recommendation"] = dict.fromkeys(("means", "first", "query"), text)
        each["outcome"] = "warning"
    for each in document["measurements"].values():
        each |= {"title": text, "notes": [text], "breakdown": {text: 3}}
        each["by_part"] = {text: {"k": 1, "n": 2}}
        each["hourly_parts"] = {text: [1] * len(each["hourly"])} if each["hourly"] else {}
    document["verdict"] |= {"reasons": [text], "warnings": [text], "not_run": [text]}
    for event in document["timeline"]:
        event |= {"title": text, "note": text}
    document["top_errors"] = [{"source": text, "message": text, "count": 1}]
    document["facts"] = {text: text}
    return document | {"title": text, "environment": text, "reproduce": text}


def planted_steps(text: str) -> Json:
    """A failed deployment with one text in every place that a command or a server fills."""
    document = deployment()
    for each in document["steps"]:
        each |= {"title": text, "proved": text, "error": text, "evidence": {text: text}}
    return document | {"title": text, "environment": text, "reproduce": text}


EXAMPLES: dict[str, Callable[[], Json]] = {
    "GO": gate,
    "HOLD": hold,
    "NO-GO": no_go,
    "ROLLBACK": rollback_verdict,
    "DEPLOY-FAILED": deployment,
    "ROLLED-BACK": rollback,
    "SMOKE-FAILED": smoke,
    "SUMMARY": summary,
}
