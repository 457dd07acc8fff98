"""What a record consists of, beside the types that flow through the gate anyway.

Every part is frozen and strict: an unknown key, a number as text, a moment without its zone are
errors, when a record is made as well as when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gonogo.model.kinds import Environment, ItemState, MarkState, VerdictKind
from gonogo.model.limit import Limit
from gonogo.model.measurement import Count, DatabaseIdentity
from gonogo.model.strict import STRICT, Moment, Natural

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
# Of a file that is not there, or of what nobody knows.
Sha256OrNone = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
RecordName = Annotated[str, Field(pattern=r"^[0-9]{8}T[0-9]{6}Z(-[0-9]+)?_[A-Z][A-Z0-9-]*$")]


class Part(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(**STRICT, frozen=True)


class Link(Part):
    """The record before this one in its environment, by name and hashes."""

    record: RecordName = Field(description="Its directory.")
    sha256: Sha256OrNone = Field(description="Of its record.json; empty when there is none.")
    files_sha256: Sha256OrNone = Field(description="Of its files.sha256; empty when there is none.")


class Subject(Part):
    """What is deployed there, as the ledger and the criteria file say."""

    deployment: str = Field(description="The deployment's number in the ledger; empty: unknown.")
    revision: str = Field(description="The application's revision; empty: unknown.")
    migrations_sha256: str = Field(description="Of the migration files; empty: unknown.")
    criteria_sha256: str = Field(description="Of the criteria file; empty: unknown.")


class Member(Part):
    """One of several databases that were judged as one."""

    name: str = Field(description="What tells it from the others.")
    connection: str = Field(description="Where it answers, without a secret.")
    database: DatabaseIdentity | None = Field(description="Which it is; null: out of reach.")


class Provenance(Part):
    """Which database was asked, when, and what is deployed there."""

    connection: str = Field(description="How it was reached, without a secret.")
    database: DatabaseIdentity | None = Field(description="Which it is; null: out of reach.")
    members: tuple[Member, ...] = Field(
        default=(),
        description="The databases that were judged as one; empty where it is one alone.",
    )
    taken_at: Moment | None = Field(
        default=None, description="The snapshot's moment, by the server's clock; null without one."
    )
    ledger_problem: str | None = Field(default=None, description="Why the ledger tells nothing.")
    subject: Subject | None = Field(description="What is deployed there; null: nothing is.")


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


class MetricEntry(Part):
    """What a reader needs of a metric beside its figures: name, limits, and what a miss means."""

    title: str = Field(description="What it is called.")
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
    end: Moment = Field(description="Up to when it is told.")
    marks: tuple[Mark, ...] = Field(description="Its moments, in order.")
    hours: Natural = Field(description="Hours of the window whose traffic is known.")
    silent: tuple[Moment, ...] = Field(description="The start of each hour without traffic.")


class MainRate(Part):
    """A success criterion's rate in one record."""

    metric: str = Field(description="The metric's id.")
    title: str = Field(description="What it is called.")
    count: Count = Field(description="k of n; n is above 0.")

    @field_validator("count")
    @classmethod
    def _is_a_share(cls, count: Count) -> Count:
        if count.n < 1:
            raise ValueError("n must be above 0")
        return count


class SummedRecord(Part):
    """A gate's record that a final report sums up."""

    record: RecordName = Field(description="Its directory.")
    sha256: Sha256 = Field(description="Of its record.json.")
    at: Moment = Field(description="The end of its window.")
    asked_s: Natural = Field(description="Length of its window, in seconds.")
    verdict: VerdictKind = Field(description="What it says.")
    points: float | None = Field(description="Its health score; null when nothing was measured.")
    band: str = Field(description="What the score is called; empty without one.")
    rates: tuple[MainRate, ...] = Field(description="Its success criteria that are rates.")


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
