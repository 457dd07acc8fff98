"""What a rollout does and is about: steps, events, change, database; earlier looks in brief."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gonogo.model.kinds import OutageKind, VerdictKind
from gonogo.model.limit import STRICT, Json, Moment, Whole, of_some
from gonogo.model.measurement import Count, DatabaseIdentity, Remark

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
RecordName = Annotated[str, Field(pattern=r"^[0-9]{8}T[0-9]{6}Z(-[0-9]+)?_[A-Z][A-Z0-9-]*$")]


class StepKind(StrEnum):
    """The kind of a `StepEvent`."""

    STARTED = "started"
    FINISHED = "finished"
    SKIPPED = "skipped"
    FAILED = "failed"
    NOTE = "note"
    OUTPUT = "output"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class StepEvent:
    """Something to show while a rollout goes on.

    Args:
        kind: Its kind.
        step: The step's name.
        title: What happens now; for notes and output, the line.
        elapsed_s: How long the step has taken, in seconds; 0 at its start.
        proved: What it proved, why it was skipped, or why it failed, in one line.
        share: For progress: how much is done, 0 to 1; None when it is unknown.
    """

    kind: StepKind
    step: str
    title: str
    elapsed_s: float = 0.0
    proved: str = ""
    share: float | None = None


Tell = Callable[[StepEvent], None]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step that has ended, as records show it.

    Args:
        name: Its name in the ledger.
        title: What it does.
        outcome: succeeded, failed or skipped.
        started_at: When it began.
        elapsed_s: How long it took, in seconds.
        proved: One line.
        evidence: Figures and names behind that line; JSON.
        error: Why it failed; None when it did not.
    """

    __pydantic_config__ = STRICT

    name: str
    title: str
    outcome: Literal["succeeded", "failed", "skipped"]
    started_at: Moment
    elapsed_s: float
    proved: str
    evidence: Mapping[str, Json] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """How long a rollout kept the application away.

    Args:
        kind: What is known of it.
        seconds: From the first refused to the first answered request; None where not measured.
    """

    __pydantic_config__ = STRICT

    kind: OutageKind
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """Something that the ledger tells of the rollout.

    Args:
        at: When.
        kind: deployed, deploy-failed, deploying, rolled-back, migration-failed, incident, complaint
            or closed.
        title: What, in a few words; an incident's is as a person wrote it.
        note: Whatever else there is to say; empty when nothing.
    """

    __pydantic_config__ = STRICT

    at: Moment
    kind: str
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, in its author's words: hostile text.

    Args:
        sha: Its name.
        author: Who wrote it.
        subject: The first line of its message.
    """

    __pydantic_config__ = STRICT

    sha: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """A migration that a deployment applied, or a rollback took back.

    Args:
        name: Its file.
        locks: The locks that it takes of tables that were there: ``ACCESS EXCLUSIVE on users``;
            None where they were not measured.
    """

    __pydantic_config__ = STRICT

    name: str
    locks: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a decision is about: what lies between the revision before and the one deployed.

    Args:
        before: The revision that ran before; empty where it is unknown.
        commits: The newest commits that were added, newest first.
        added: How many were added.
        taken_back: How many of the revision before are not in this one.
        unknown: Why the commits, or some of them, are not known; None when all are counted.
        migrations: What the deployment applied, or the rollback took back, in order.
        stays: Of what is rolled back, the migrations that are still in place, such as adopted ones.
        deployed_by: Who deployed it; empty where it is unknown.
        deployed_at: When that ended; None when it has not, or nobody knows.
        record: The deployment's record in the archive; None for this one, or where there is none.
    """

    __pydantic_config__ = STRICT

    before: str = ""
    commits: tuple[Commit, ...] = ()
    added: Whole = 0
    taken_back: Whole = 0
    unknown: Remark | None = None
    migrations: tuple[Migrated, ...] = ()
    stays: tuple[str, ...] = ()
    deployed_by: str = ""
    deployed_at: Moment | None = None
    record: RecordName | None = None


@dataclass(frozen=True, slots=True)
class MainRate:
    """A success criterion's rate in one record.

    Args:
        metric: The metric's id.
        title: What it is called.
        count: K of n; n is above 0.
    """

    __pydantic_config__ = STRICT

    metric: str
    title: str
    count: Annotated[Count, AfterValidator(of_some)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedRecord:
    """A gate's earlier record in brief.

    Args:
        record: Its directory.
        sha256: Of its record.json.
        at: The end of its window.
        asked_s: Length of its window, in seconds.
        verdict: What it says.
        points: Its health score; None when nothing was measured.
        band: What the score is called; empty without one.
        rates: Its success criteria that are rates.
    """

    __pydantic_config__ = STRICT

    record: RecordName
    sha256: Sha256
    at: Moment
    asked_s: Whole
    verdict: VerdictKind
    points: float | None
    band: str
    rates: tuple[MainRate, ...]


class Part(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(**STRICT, frozen=True)


class Subject(Part):
    """What is deployed there, as the ledger and the criteria file say."""

    deployment: str = Field(description="The deployment's number in the ledger; empty: unknown.")
    revision: str = Field(description="The application's revision; empty: unknown.")
    migrations_sha256: str = Field(description="Of the migration files; empty: unknown.")
    migrations: Mapping[str, Sha256] = Field(default={}, description="Of each one, by file name.")
    criteria_sha256: str = Field(description="Of all that is judged by; empty: unknown.")


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
    base_url: str = Field(default="", description="The application's address; empty: not asked.")
    subject: Subject | None = Field(description="What is deployed there; null: nothing is.")

    def is_of_another(self, other: Provenance) -> bool:
        """Whether another record certainly names other databases; what names none may be any.

        Where one of two roles may not read the server's identifier, the names alone are compared:
        its way there may be another (a replica, a pooler).
        """
        own, their = self._databases(), other._databases()
        if own.keys() != their.keys():
            return any(own.values()) and any(their.values())
        return any(_differ(one, their[name]) for name, one in own.items())

    def _databases(self) -> Mapping[str, DatabaseIdentity | None]:
        return {one.name: one.database for one in self.members} or {"": self.database}


def _differ(one: DatabaseIdentity | None, other: DatabaseIdentity | None) -> bool:
    identifiers = {known.system_identifier for known in (one, other) if known} - {""}
    return bool(one and other and (one.database != other.database or len(identifiers) > 1))
