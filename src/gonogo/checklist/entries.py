"""checklist.toml: what it may hold, what its entries mean, and how it is read.

It is refused where it names a metric or a step that is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gonogo.config.application import Section
from gonogo.config.project import Project, dotted, meant, read_toml, validated
from gonogo.config.sections import RolloutConfig
from gonogo.criteria import load as load_criteria
from gonogo.errors import ConfigError
from gonogo.model.kinds import Environment, ItemState, Role
from gonogo.model.record import Record

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


class Item(Section):
    """One item; the head of checklist.toml explains each key."""

    id: Id
    text: NotEmpty
    environment: Environment | None = None
    steps: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    attested: Literal[True] | None = None

    @property
    def how(self) -> Literal["proved", "attested"]:
        """Proved by the suite, or attested by a person."""
        return "attested" if self.attested else "proved"


class Phase(Section):
    """One phase; the head of checklist.toml explains each key."""

    id: Id
    title: NotEmpty
    environment: Environment | None = None
    after: Literal["deployment", "gate", "rollback"] | None = None
    item: Annotated[tuple[Item, ...], Field(min_length=1)]

    def id_of(self, item: Item) -> str:
        """An item's id as people write it: the phase's before it."""
        return f"{self.id}.{item.id}"


class Checklist(Section):
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


def unanswered(checks: Sequence[str], gate: Record) -> tuple[str, ...]:
    """The metrics of expected checks that a part of the gate left unanswered."""
    answered = {one.id for one in gate.findings}
    expected = [one for one in gate.expected if any(covers(check, one) for check in checks)]
    return tuple(dict.fromkeys(metric_of(one) for one in expected if one not in answered))


# The names are written down here so that a checklist can be read without importing the steps.
# Before there is a ledger to write to.
BEFORE = ("environment", "database", "permission")
DEPLOY = (
    "preflight",
    "backup",
    "checkout",
    "install",
    "build",
    "lint",
    "typecheck",
    "migrate",
    "verify_schema",
    "test",
    "running_before",
    "stop_jobs",
    "stop_app",
    "stopped",
    "switch",
    "start_app",
    "start_jobs",
    "wait_healthy",
    "identity",
    "endpoints",
    "grants",
    "admins",
)
ROLLBACK = (
    "revert_code",
    "reinstall",
    "rebuild",
    "running_before",
    "stop_jobs",
    "stop_app",
    "stopped",
    "revert",
    "switch",
    "start_app",
    "start_jobs",
    "wait_healthy",
    "identity",
    "old_endpoints",
    "prove",
)
MAY_PROVE = ("steps", "checks", "facts", "attested")
Complaint = tuple[tuple[str, ...], str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What an item may name.

    Args:
        metrics: Ids of the metrics that have a limit.
        steps: Names of steps, as ``deploy.backup``.
    """

    metrics: Collection[str]
    steps: Collection[str]


def load(path: Path, known: Known) -> Checklist:
    """Read and validate a checklist.

    Args:
        path: The TOML file.
        known: What its items may name.

    Raises:
        ConfigError: The file is missing, is no TOML, or names a metric or a step that is not there.
    """
    checklist = validated(Checklist, read_toml(path), path, _known_keys)
    for key, problem, remedy in _nonsense(checklist, known):
        raise ConfigError(problem, remedy, file=str(path), key=dotted(key))
    return checklist


def known_steps(smoke: Collection[str]) -> frozenset[str]:
    """Every step or smoke request that an item may name, as ``deploy.backup``.

    Args:
        smoke: The smoke requests of rollout.toml.
    """
    deployed = (f"deploy.{name}" for name in (*BEFORE, *DEPLOY))
    taken_back = (f"rollback.{name}" for name in ROLLBACK)
    return frozenset({*deployed, *taken_back, *(f"smoke.{name}" for name in smoke)})


def load_checklist(project: Project, metrics: Collection[str], smoke: Collection[str]) -> Checklist:
    """Read the project's checklist.

    Args:
        project: Where it lies.
        metrics: The metrics that its items may name.
        smoke: The smoke requests that they may name.

    Raises:
        ConfigError: It is missing, or says something that cannot be meant.
    """
    return load(project.checklist_file, Known(metrics, known_steps(smoke)))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an item stands.

    Args:
        state: Proved, attested, failed, open, or not due.
        reason: What proves it, or why it is open or failed.
        source: Where that is written; empty when `reason` says so already, or nowhere.
        sources: Every place where it is written.
    """

    state: ItemState
    reason: str = ""
    source: str = ""
    sources: frozenset[str] = frozenset()

    @property
    def evidence(self) -> str:
        """The reason, with its source."""
        return f"{self.reason} ({self.source})" if self.source else self.reason


def is_open(reason: str = "", source: str = "") -> Standing:
    """Nothing proves it yet."""
    return Standing(ItemState.OPEN, reason, source)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the checklist's evidence lies.

    Args:
        checklist: From `load_checklist`.
        archive_dir: The archive.
        allowed_signers: Who may sign; None where none is named.
    """

    checklist: Checklist
    archive_dir: Path
    allowed_signers: Path | None


def checklist_desk(project: Project, config: RolloutConfig) -> Desk:
    """Where the project's checklist and its evidence lie.

    Args:
        project: The checkout.
        config: Its rollout.toml.

    Raises:
        ConfigError: Checklist or criteria are missing, or say something that cannot be meant.
    """
    metrics = load_criteria(project.criteria_file, project.sql_dir).metrics
    checklist = load_checklist(project, metrics, config.http.smoke_names)
    return Desk(checklist, config.archive_dir, config.allowed_signers)


def _known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of the section at `path`: phase, number, item, number."""
    section = Item if "item" in path else Phase if path else Checklist
    return tuple(section.model_fields)


def _nonsense(checklist: Checklist, known: Known) -> Iterator[Complaint]:
    yield from _twice(("phase",), (phase.id for phase in checklist.phase))
    for phase in checklist.phase:
        yield from _twice(("phase", phase.id), (item.id for item in phase.item))
        for item in phase.item:
            key = ("phase", phase.id, item.id)
            yield from _ways(key, item)
            yield from _unknown((*key, "steps"), "step", item.steps, known.steps)
            groups = {f"{metric.partition('.')[0]}.*" for metric in known.metrics}
            there = {*known.metrics, *groups}
            for check in item.checks:
                yield from _unknown((*key, "checks"), "metric", [metric_of(check)], there)


def _twice(key: tuple[str, ...], ids: Iterable[str]) -> Iterator[Complaint]:
    for name, count in Counter(ids).items():
        if count > 1:
            yield (*key, name), "is there twice", "give each an id of its own"


def _ways(key: tuple[str, ...], item: Item) -> Iterator[Complaint]:
    given = [name for name in MAY_PROVE if getattr(item, name)]
    if len(given) != 1:
        found = " and ".join(given) if given else "nothing"
        yield key, f"is proved by {found}", f"give it exactly one of {', '.join(MAY_PROVE)}"


def _unknown(
    key: tuple[str, ...], kind: str, names: Iterable[str], there: Collection[str]
) -> Iterator[Complaint]:
    for name in names:
        if name not in there:
            yield key, f"there is no {kind} {name!r}", meant(name, sorted(there))
