"""What findings and verdicts say in English, by the project's own criteria."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gonogo import criteria as criteria_file
from gonogo.criteria import Criteria
from gonogo.model.finding import Finding, Verdict
from gonogo.model.kinds import Says, VerdictKind
from gonogo.model.measurement import Remark
from gonogo.report.english import reason_of, verdict_reasons

CHECKS = Path(__file__).parents[2] / "checks"


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict whose reasons and warnings are sentences."""

    kind: VerdictKind
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    not_run: tuple[str, ...]


@cache
def shipped() -> Criteria:
    """The project's own criteria."""
    return criteria_file.load(CHECKS / "criteria.toml", CHECKS / "sql")


def why(finding: Finding) -> str:
    """Why a finding's outcome is what it is."""
    return reason_of(finding, shipped().metrics[finding.metric])


def said(verdict: Verdict, findings: Iterable[Finding]) -> Said:
    """A verdict in English."""
    given, metrics = tuple(findings), shipped().metrics
    reasons = verdict_reasons(verdict.reasons, given, metrics)
    warnings = verdict_reasons(verdict.warnings, given, metrics)
    return Said(verdict.kind, reasons, warnings, verdict.not_run)


def team(text: str) -> Remark:
    """A remark in the team's own words."""
    return Remark(Says.TEAM, detail=text)
