"""What checklist.toml may hold, and what its entries mean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gonogo.model.kinds import Environment, Role

Fact = Literal[
    "soak_complete",
    "trend",
    "health_score",
    "soak_continuity",
    "final_record",
    "history",
    "old_backups",
]
# No line ends, nothing that a shell or a path means something by: people type these.
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
NotEmpty = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """No unknown key, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Item(Strict):
    """One item; the head of checklist.toml explains each key."""

    id: Id
    text: NotEmpty
    environment: Environment | None = None
    steps: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    attested: Literal[True] | None = None

    @property
    def how(self) -> str:
        """Proved by the suite, or attested by a person."""
        return "attested" if self.attested else "proved"


class Phase(Strict):
    """One phase; the head of checklist.toml explains each key."""

    id: Id
    title: NotEmpty
    environment: Environment | None = None
    after: Literal["deployment", "gate", "rollback"] | None = None
    item: Annotated[tuple[Item, ...], Field(min_length=1)]

    def id_of(self, item: Item) -> str:
        """An item's id as people write it: the phase's before it."""
        return f"{self.id}.{item.id}"


class Checklist(Strict):
    """The whole of checklist.toml."""

    phase: Annotated[tuple[Phase, ...], Field(min_length=1)]


def metric_of(check: str) -> str:
    """The metric, or the group as ``jobs.*``, that a reference to checks names."""
    role, colon, metric = check.partition(":")
    return metric if colon and role in set(Role) else check


def covers(check: str, finding_id: str) -> bool:
    """Whether a reference to checks means a finding.

    Args:
        check: A metric, ``group.*``, or ``role:`` and either.
        finding_id: Role and metric.
    """
    role, _, metric = finding_id.partition(":")
    wanted = metric_of(check)
    if wanted != check and not check.startswith(f"{role}:"):
        return False
    return metric == wanted or (wanted.endswith(".*") and metric.startswith(wanted[:-1]))
