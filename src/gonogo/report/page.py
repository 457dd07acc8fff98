"""A record document → what its page shows first, and in which order. Pure; recomputes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gonogo.record.schema import Json
from gonogo.report.looks import OUTCOMES, outcome_look
from gonogo.report.scales import levels_of
from gonogo.report.stacks import Hours, hours_of, spark
from gonogo.report.text import moment, span

STALE_S = 900
TABLES = (
    (
        "criterion",
        "criteria",
        "Success criteria",
        "Each must be met with evidence. Rates show their 95 % interval against the limit.",
    ),
    ("alert", "alerts", "Alerts", "A critical alert is NO-GO; a warning is listed."),
    ("trigger", "triggers", "Rollback triggers", "Any one that fires means: roll back now."),
)
OTHERS = ("others", "Other checks", "Checks whose role this page does not know.")
NOT_MET = "Not met"
RATES = "Rates"
REST = "Others"
# A heading over one or two rows tells more of headings than of rows.
LEAST_OF_A_GROUP = 3
# The rest of the facts follows by name: JSON objects have no order of their own.
FIRST_FACTS = (
    "Database",
    "Connection",
    "Server",
    "System identifier",
    "Role",
    "Standby",
    "Snapshot",
    "Measured at",
    "Ledger",
    "Coverage",
    "Gates since the deployment",
    "Left out on purpose",
)


CALM = frozenset({"met", "left_out"})


@dataclass(frozen=True, slots=True)
class Card:
    """One metric that needs attention: all of its findings that are not met, the worst first."""

    title: str
    metric: str
    findings: Sequence[Json]
    recommendation: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Findings under one heading within a table.

    Args:
        title: The heading; or that these are not met.
        findings: In the criteria file's order.
    """

    title: str
    findings: Sequence[Json]


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
        found = [finding for group in self.groups for finding in group.findings]
        met = [finding for finding in found if finding["outcome"] == "met"]
        word = outcome_look(met[0]).word if met else OUTCOMES["met"].word
        return f"{len(met)} of {len(found)} {word.lower()}"


def notices(document: Json) -> list[str]:
    """What must be known before anything else is read."""
    told = []
    if document["simulated"]:
        told.append("Simulated: a rehearsal in a sandbox, not to be signed for production.")
    window, age_s = document["window"], document["as_of_age_s"]
    if window and age_s > STALE_S:
        told.append(
            f"As of {moment(window['end'])}, {span(age_s)} before it was measured: tokens, "
            "breakers and endpoints are those of later; not to be signed for production."
        )
    if document["state"] != "complete":
        told.append("Aborted: the run did not get to its end.")
    return told


def attention(document: Json) -> list[Card]:
    """Everything that is neither met nor left out, a card a metric, the worst first."""
    rank = {outcome: place for place, outcome in enumerate(OUTCOMES)}
    found = [f for f in document["findings"] if f["outcome"] not in CALM]
    found.sort(key=lambda finding: rank.get(finding["outcome"], 0))
    by_metric: dict[str, list[Json]] = {}
    for finding in found:
        by_metric.setdefault(finding["metric"], []).append(finding)
    return [
        Card(group[0]["title"], metric, group, group[0]["recommendation"])
        for metric, group in by_metric.items()
    ]


def other_warnings(document: Json) -> list[str]:
    """The verdict's warnings that no card tells."""
    told = {f"{f['metric']}: {f['reason']}" for f in document["findings"]}
    verdict = document["verdict"] or {"warnings": []}
    return [warning for warning in verdict["warnings"] if warning not in told]


def tables(document: Json) -> list[Table]:
    """The findings by role: what is not met first, then the rest by heading.

    What has no role that we know stands in a table of its own.
    """
    named = {
        metric: heading["title"]
        for heading in document["headings"]
        for metric in heading["metrics"]
    }
    found = document["findings"]
    known = {role for role, *_ in TABLES}
    told = [
        Table(anchor, title, caption, _groups([f for f in found if f["role"] == role], named))
        for role, anchor, title, caption in TABLES
    ]
    told.append(Table(*OTHERS, _groups([f for f in found if f["role"] not in known], named)))
    return [table for table in told if table.groups]


def _groups(findings: Sequence[Json], named: Mapping[str, str]) -> list[Group]:
    groups: dict[str, list[Json]] = {NOT_MET: [], RATES: []}
    groups |= {title: [] for title in named.values()}
    for finding in findings:
        heading = named.get(finding["metric"], REST)
        title = RATES if finding["interval"] else heading
        groups.setdefault(title if finding["outcome"] == "met" else NOT_MET, []).append(finding)
    small = [t for t in groups if t not in {NOT_MET, RATES} and len(groups[t]) < LEAST_OF_A_GROUP]
    rest = [finding for title in small for finding in groups.pop(title)]
    told = [*groups.items(), (REST, rest)]
    return [Group(title, found) for title, found in told if found]


def hours(document: Json) -> dict[str, Hours]:
    """What is drawn of each metric's hours."""
    drawn = {}
    # In the order of the checks, which is the criteria file's; what is only shown comes last.
    order = dict.fromkeys(finding["metric"] for finding in document["findings"])
    for metric in {**order, **document["measurements"]}:
        measurement = document["measurements"].get(metric)
        findings = [f for f in document["findings"] if f["metric"] == metric]
        told = measurement and hours_of(measurement, levels_of(findings), document["window"])
        if told:
            drawn[metric] = told
    return drawn


def sparks(document: Json) -> dict[str, str]:
    """The hours of each rate in the space of a word."""
    measurements, window = document["measurements"], document["window"]
    drawn = {metric: spark(measurement, window) for metric, measurement in measurements.items()}
    return {metric: path for metric, path in drawn.items() if path}


def ordered_facts(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    """The facts: what names the database first, the rest by name."""
    first = [(name, facts[name]) for name in FIRST_FACTS if name in facts]
    return first + sorted(item for item in facts.items() if item[0] not in FIRST_FACTS)


def told_steps(document: Json) -> str:
    """How the steps went, in a sentence."""
    steps = document["steps"]
    # A smoke request that was not sent fails the run, and has not failed itself.
    wrong = {"failed", "skipped"} if document["outcome"] == "failed" else {"failed"}
    failed = sorted(
        (step for step in steps if step["outcome"] in wrong),
        key=lambda step: step["outcome"] == "skipped",
    )
    took = span(float(sum(step["elapsed_s"] or 0 for step in steps)))
    if failed:
        why = failed[0]["error"] or failed[0]["proved"] or "failed"
        return f"{failed[0]['title']}: {why.partition(chr(10))[0]}"
    done = sum(step["outcome"] == "succeeded" for step in steps)
    skipped = sum(step["outcome"] == "skipped" for step in steps)
    left = f", {skipped} had nothing to do" if skipped else ""
    return f"{done} of {len(steps)} steps done{left}; together {took}."
