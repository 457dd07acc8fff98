"""The record and its parts: what a run was asked, what it found, and on what evidence.

A `Record` is what is written to ``record.json``, read from it, shown, listed and signed;
docs/record.schema.json is made from it. Every part is frozen and strict, when it is made as well as
when it is read: an unknown key, a number as text or a moment without its zone is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from gonogo.masking import CI_PAGE
from gonogo.model.finding import Decidable, Finding, HealthScore, JudgedMember, Verdict
from gonogo.model.kinds import Environment, ItemState, Kind, MarkState, Says, State, Why
from gonogo.model.limit import Json, Limit, Moment, Natural
from gonogo.model.measurement import Measurement, Window
from gonogo.model.step import (
    Change,
    LedgerEvent,
    Outage,
    Part,
    Provenance,
    RecordName,
    StepRecord,
    Subject,
    SummedRecord,
)

SCHEMA: Final = "gonogo.record/3"
NAME = r"^([0-9]{8}T[0-9]{6}Z(-[0-9]+)?_[A-Z][A-Z0-9-]*)?$"
# Of a file that is not there, or of what nobody knows.
Sha256OrNone = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]


class Link(Part):
    """The record before this one in its environment, by name and hashes."""

    record: RecordName = Field(description="Its directory.")
    sha256: Sha256OrNone = Field(description="Of its record.json; empty when there is none.")
    files_sha256: Sha256OrNone = Field(description="Of its files.sha256; empty when there is none.")


class Rollout(Part):
    """How a deployment or a rollback was asked for, and what it left undone."""

    previous_revision: str | None = Field(description="What ran before; null: nothing is deployed.")
    deployed_by: str | None = Field(description="Who deployed it; null: nothing is deployed.")
    override: str | None = Field(description="Why production went without a signed record.")
    log: str = Field(description="The session's log.")
    reason: str | None = Field(description="Why it was rolled back; null for a deployment.")
    mode: Literal["revert", "restore"] | None = Field(
        description="How the database was taken back; null for a deployment."
    )
    not_done: tuple[str, ...] = Field(description="Titles of steps that a failure left undone.")
    outage: Outage | None = Field(default=None, description="How long the application was away.")
    database: str = Field(default="", description="Which of a fleet; empty where there is none.")


class MetricEntry(Part):
    """What a reader needs of a metric beside its figures: name, limits, and what a miss means."""

    title: str = Field(description="What it is called.")
    counts: str = Field(default="", description="What its n counts: orders; empty: not named.")
    that: str = Field(default="", description="What its k of them did: succeeded; or empty.")
    group: str = Field(description="What comes before the dot of its id.")
    kind: Literal["rate", "census", "quantity", "answer", "top"] = Field(
        description="How it is counted."
    )
    unit: str = Field(description="The unit that its values are shown in; empty for a share.")
    objective: Mapping[Environment, Limit] = Field(description="The objective by environment.")
    warning: Limit | None = Field(description="The warning level.")
    critical: Limit | None = Field(description="The critical level.")
    trigger: Limit | None = Field(description="The rollback trigger.")
    means: str = Field(description="What a miss means.")
    first: str = Field(description="What to do first.")
    query: str = Field(description="Read-only SQL to look closer.")

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Every limit that its value is held against, in any environment."""
        levels = (self.warning, self.critical, self.trigger)
        return (*self.objective.values(), *(level for level in levels if level))


class Heading(Part):
    """What some metrics are found under."""

    title: str = Field(description="The heading.")
    metrics: tuple[str, ...] = Field(description="Ids, in the criteria file's order.")


class Mark(Part):
    """A moment of the soak at which a record must be."""

    name: str = Field(description="Such as: hour 4.")
    due_at: Moment = Field(description="From when on.")
    state: MarkState = Field(description="Due: now, and not yet too late. Ahead: still to come.")
    at: Moment | None = Field(description="The end of that record's window; null without one.")
    record: RecordName | None = Field(description="That record; null for this one or none.")


class Soak(Part):
    """The soak's continuity: who looked when, and which hours had traffic."""

    deployed_at: Moment = Field(description="When it began.")
    end: Moment = Field(description="Up to when it is known.")
    marks: tuple[Mark, ...] = Field(description="Its moments, in order.")
    hours: Natural = Field(description="Hours of the window whose traffic is known.")
    silent: tuple[Moment, ...] = Field(description="The start of each hour without traffic.")


class ItemEntry(Part):
    """An item of the checklist, as it stood when the record was closed."""

    id: str = Field(description="Its phase and its own id.")
    text: str = Field(description="What is asked.")
    how: Literal["proved", "attested"] = Field(description="By the suite, or by a person.")
    state: ItemState = Field(description="Where it stands.")
    evidence: str = Field(description="By what; empty when there is nothing.")
    is_own: bool = Field(description="Whether this very record is the evidence.")


class PhaseEntry(Part):
    """A phase of the checklist."""

    phase: str = Field(description="Its id.")
    title: str = Field(description="What it is called.")
    items: tuple[ItemEntry, ...] = Field(description="Its items, in order.")


class Record(Part):
    """One record. What a run did not come to has the value that says so."""

    format: Literal["gonogo.record/3"] = Field(default=SCHEMA, description="Which form this is.")
    kind: Kind = Field(description="What it is of.")
    state: State = Field(default=State.RUNNING, description="How far the run came.")
    name: str = Field(
        default="", pattern=NAME, description="Its directory; empty until it is closed."
    )
    sign: str = Field(default="", description="The command that signs a decision on it.")
    signers: Natural = Field(default=0, description="How many must sign a GO; 0: not asked.")
    signer_is_not_deployer: bool = Field(default=False, description="Whether another must sign.")
    title: str = Field(description="What the page is called.")
    environment: Environment = Field(description="Whose it is.")
    simulated: bool = Field(default=False, description="Whether it is of a rehearsal's database.")
    started_at: Moment = Field(description="When the run began, by its own clock.")
    finished_at: Moment | None = Field(
        default=None, description="When it ended; null while it runs."
    )
    ended_by: str = Field(
        default="", description="Why it ended before its time; empty when it did not."
    )
    reproduce: str = Field(default="", description="The command that does the same once more.")
    ci_run: str = Field(default="", pattern=CI_PAGE, description="CI's page of the run, or empty.")
    gonogo: str = Field(default="", description="The version of gonogo.")
    previous: Link | None = Field(
        default=None, description="The record before it; null for the first."
    )
    renderer_sha256: Sha256OrNone = Field(
        default="", description="Of all that makes the page beside it."
    )

    provenance: Provenance | None = Field(
        default=None,
        description="Which database, and what is deployed there; null: nothing was asked.",
    )
    change: Change | None = Field(default=None, description="What is decided on; null: unknown.")
    checklist: tuple[PhaseEntry, ...] = Field(default=(), description="Where each item stood.")

    expected: tuple[str, ...] = Field(default=(), description="Ids of the checks of a full run.")
    without: tuple[str, ...] = Field(
        default=(), description="Groups that were left out on purpose."
    )
    gates: Natural | None = Field(
        default=None,
        description="How often the gate was asked since the deployment, this time included.",
    )
    window: Window | None = Field(default=None, description="What was judged; null: nothing was.")
    verdict: Verdict | None = Field(default=None, description="The decision; null without one.")
    decidable: Decidable | None = Field(
        default=None, description="When a HOLD is expected to be decidable; null for no HOLD."
    )
    last_look: SummedRecord | None = Field(
        default=None, description="The gate's record before this one; null for the first."
    )
    last_go: SummedRecord | None = Field(
        default=None, description="The newest GO of an earlier deployment; null without one."
    )
    score: HealthScore | None = Field(
        default=None, description="The health score; null without one."
    )
    headings: tuple[Heading, ...] = Field(default=(), description="The figures' order on the page.")
    metrics: Mapping[str, MetricEntry] = Field(
        default_factory=dict, description="What is known of each metric, by its id."
    )
    findings: tuple[Finding, ...] = Field(
        default=(), description="What the checks of this run answered."
    )
    measurements: Mapping[str, Measurement] = Field(
        default_factory=dict, description="What was counted, by metric."
    )
    timeline: tuple[LedgerEvent, ...] = Field(
        default=(), description="The rollout, as the ledger has it."
    )
    soak: Soak | None = Field(
        default=None, description="The soak's continuity; null: nobody knows."
    )
    members: tuple[JudgedMember, ...] = Field(
        default=(), description="A fleet's databases, the worst first; empty: it is one database."
    )

    records: tuple[SummedRecord, ...] = Field(
        default=(), description="What a final report sums up."
    )
    outcome: Literal["succeeded", "failed", "not asked"] | None = Field(
        default=None, description="How a run that brings no verdict ended."
    )
    steps: tuple[StepRecord, ...] = Field(default=(), description="What a rollout did, in order.")
    rollout: Rollout | None = Field(
        default=None, description="How it was asked for; null for a gate."
    )

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Whoever reads a finding finds its metric, and whoever draws a metric finds its hours."""
        for name in (*self.measurements, *(found.metric for found in self.findings)):
            if name not in self.metrics or name not in self.measurements:
                raise ValueError(f"of {name!r} there is no entry in metrics, or no measurement")
        for name, one in self.measurements.items():
            if any(len(part) != len(one.hourly) for part in one.hourly_parts.values()):
                raise ValueError(f"the parts of {name!r} have other hours than the whole")
        answered = {f"{found.role}:{found.metric}" for found in self.findings}
        verdict = self.verdict
        for reason in (*verdict.reasons, *verdict.warnings) if verdict else ():
            if reason.why is Why.FINDING and reason.subject not in answered:
                raise ValueError(f"the verdict names {reason.subject!r}, which has no finding")
        return self

    @property
    def as_of_age(self) -> timedelta:
        """How long before the measuring the window ended."""
        taken_at = self.provenance.taken_at if self.provenance else None
        return taken_at - self.window.end if taken_at and self.window else timedelta()

    @property
    def subject(self) -> Subject | None:
        """What is deployed there; None where nobody knows."""
        return self.provenance.subject if self.provenance else None

    @property
    def is_whole(self) -> bool:
        """Whether the run came to its end: an aborted one decides, and proves, nothing."""
        return self.state is State.COMPLETE

    @property
    def answered(self) -> frozenset[str]:
        """The addresses that answered as they must: of a gate, or of a deployment's own steps."""
        of_gate = (
            note.subject
            for one in self.measurements.values()
            for note in one.notes
            if one.value and note.says is Says.ANSWERED
        )
        proofs = (step.evidence for step in self.steps if step.outcome == "succeeded")
        of_steps = (
            str(shown["url"])
            for proof in proofs
            for shown in (proof.get("answer"), *_several(proof.get("answers")))
            if isinstance(shown, Mapping) and shown.get("status")
        )
        return frozenset([*of_gate, *of_steps])

    def having(self, **changes: object) -> Self:
        """The same record with other parts, held to the same types.

        Raises:
            pydantic.ValidationError: A part is of another type.
        """
        return type(self).model_validate({**dict(self), **changes})


def _several(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
