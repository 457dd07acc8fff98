"""What a record document may lack: every key that the page reads, with what stands for "nothing".

A run that was killed left only what was known at its start; its page must still be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

SCHEMA = "gonogo.record/1"
# The fact that tells why a run did not get to its end.
ENDED_BY = "Ended by"

RECORD: Json = {
    "schema": SCHEMA,
    "kind": "gate",
    "state": "running",
    "title": "",
    "environment": "",
    "simulated": False,
    "as_of_age_s": 0,
    "started_at": None,
    "finished_at": None,
    "previous": None,
    "verdict": None,
    "outcome": None,
    "subject": None,
    "checklist": [],
    "window": None,
    "score": None,
    "expected": [],
    "headings": [],
    "findings": [],
    "measurements": {},
    "top_errors": [],
    "soak": None,
    "timeline": [],
    "records": [],
    "steps": [],
    "facts": {},
    "reproduce": "",
    "renderer_sha256": "",
}
VERDICT: Json = {"kind": "HOLD", "exit_code": 10, "reasons": [], "warnings": [], "not_run": []}
WINDOW: Json = {
    "asked_s": 0,
    "start": None,
    "end": None,
    "covered_s": 0,
    "complete": False,
    "deployed_at": None,
}
SCORE: Json = {"points": 0, "measured": 0, "band": "", "parts": []}
FINDING: Json = {
    "id": "",
    "metric": "",
    "role": "criterion",
    "group": "",
    "title": "",
    "outcome": "inconclusive",
    "limit": "",
    "reason": "",
    "worsened": False,
    "value": None,
    "count": None,
    "interval": None,
    "recommendation": {},
}
RECOMMENDATION: Json = {"means": "", "first": "", "query": ""}
MEASUREMENT: Json = {
    "title": "",
    "unit": "",
    "value": None,
    "missing": None,
    "count": None,
    "by_part": {},
    "hourly": [],
    "hourly_parts": {},
    "breakdown": {},
    "notes": [],
}
STEP: Json = {
    "name": "",
    "title": "",
    "outcome": "running",
    "started_at": None,
    "elapsed_s": None,
    "proved": "",
    "evidence": {},
    "error": None,
}
SOAK: Json = {"deployed_at": None, "end": None, "marks": [], "hours": 0, "silent": []}
MARK: Json = {"name": "", "due_at": None, "state": "ahead", "at": None, "record": None}
EVENT: Json = {"at": None, "kind": "", "title": "", "note": ""}
SUMMED: Json = {
    "record": "",
    "sha256": "",
    "at": None,
    "asked_s": 0,
    "verdict": "",
    "points": None,
    "band": "",
    "rates": [],
}
PHASE: Json = {"phase": "", "title": "", "items": []}
ITEM: Json = {"id": "", "text": "", "how": "attested", "state": "open", "evidence": ""}
ERROR: Json = {"source": "", "message": "", "count": 0}


def with_top_level(document: Mapping[str, object]) -> Json:
    """Add the top-level keys that are missing; what record.json holds."""
    return {**RECORD, **document}


def with_defaults(document: Mapping[str, object]) -> Json:
    """Add every missing key, at each level; what the templates read.

    Args:
        document: A record; parts that are None stay None.
    """
    full = with_top_level(document)
    for key, default in (("verdict", VERDICT), ("window", WINDOW), ("score", SCORE)):
        if full[key] is not None:
            full[key] = default | full[key]
    full["findings"] = [_finding(finding) for finding in full["findings"]]
    full["measurements"] = {
        metric: MEASUREMENT | measurement for metric, measurement in full["measurements"].items()
    }
    if full["soak"] is not None:
        full["soak"] = SOAK | full["soak"]
        full["soak"]["marks"] = [MARK | mark for mark in full["soak"]["marks"]]
    full["timeline"] = [EVENT | event for event in full["timeline"]]
    full["records"] = [SUMMED | summed for summed in full["records"]]
    full["steps"] = [STEP | step for step in full["steps"]]
    full["checklist"] = [_phase(phase) for phase in full["checklist"]]
    full["top_errors"] = [ERROR | error for error in full["top_errors"]]
    return full


def _phase(phase: Mapping[str, Any]) -> Json:
    full = {**PHASE, **phase}
    return {**full, "items": [ITEM | item for item in full["items"]]}


def _finding(finding: Mapping[str, Any]) -> Json:
    full = {**FINDING, **finding}
    return {**full, "recommendation": {**RECOMMENDATION, **(full["recommendation"] or {})}}
