"""The record: what a run was asked, what it found, and by what it is known.

This is the record: what is written to ``record.json``, read from it, shown, listed and signed is
an object of this class. docs/record.schema.json is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from gonogo.model.finding import Finding, HealthScore, Verdict
from gonogo.model.kinds import Environment, Kind, State, Why
from gonogo.model.measurement import LedgerEvent, Measurement, Window
from gonogo.model.parts import (
    Heading,
    Link,
    MetricEntry,
    Part,
    PhaseEntry,
    Provenance,
    Rollout,
    Sha256OrNone,
    Soak,
    Subject,
    SummedRecord,
)
from gonogo.model.step import StepRecord
from gonogo.model.strict import Moment, Natural

SCHEMA: Final = "gonogo.record/2"


class Record(Part):
    """One record. What a run did not come to has the value that says so."""

    format: Literal["gonogo.record/2"] = Field(default=SCHEMA, description="Which form this is.")
    kind: Kind = Field(description="What it is of.")
    state: State = Field(default=State.RUNNING, description="How far the run came.")
    title: str = Field(description="What the page is called.")
    environment: Environment = Field(description="Whose it is.")
    simulated: bool = Field(
        default=False, description="Whether the ledger marks a rehearsal's database."
    )
    started_at: Moment = Field(description="When the run began, by its own clock.")
    finished_at: Moment | None = Field(
        default=None, description="When it ended; null while it runs."
    )
    ended_by: str = Field(
        default="", description="Why it ended before its time; empty when it did not."
    )
    reproduce: str = Field(default="", description="The command that does the same once more.")
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

    records: tuple[SummedRecord, ...] = Field(
        default=(), description="What a final report sums up."
    )
    outcome: Literal["succeeded", "failed"] | None = Field(
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
        for name, measurement in self.measurements.items():
            if any(
                len(part) != len(measurement.hourly) for part in measurement.hourly_parts.values()
            ):
                raise ValueError(f"the parts of {name!r} have other hours than the whole")
        answered, verdict = {found.id for found in self.findings}, self.verdict
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

    def having(self, **changes: object) -> Self:
        """The same record with other parts, held to the same types.

        Raises:
            pydantic.ValidationError: A part is of another type.
        """
        return type(self).model_validate({**dict(self), **changes})
