"""What stands behind the items: the newest records of an environment, and who ticked what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import GonogoError
from gonogo.record.listing import GATE_LABELS, STEM_FORMAT, load, named
from gonogo.signing.checking import check_signoffs, numbers_in
from gonogo.signing.document import said_at
from gonogo.signing.integrity import open_closed

DEPLOYMENTS = frozenset({"DEPLOYED", "DEPLOY-FAILED"})
ROLLBACKS = frozenset({"ROLLED-BACK", "ROLLBACK-FAILED"})
THIS = "this record"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A record that stands behind an item.

    Args:
        name: What it is called in the evidence.
        moment: When it began.
        document: What it holds.
    """

    name: str
    moment: datetime
    document: Json


@dataclass(frozen=True, slots=True)
class StepTold:
    """How a step of a deployment or rollback ended.

    Args:
        outcome: succeeded, failed or skipped.
        line: What it proved, or why not.
        source: Where that is written.
    """

    outcome: str
    line: str
    source: str


@dataclass(frozen=True, slots=True)
class Attested:
    """Somebody's word on an item.

    Args:
        by: Who.
        at: When they signed.
        source: The sign-off.
        about: When the record that they signed began.
    """

    by: str
    at: datetime
    source: str
    about: datetime

    @property
    def line(self) -> str:
        """As evidence."""
        return f"attested by {self.by}, {said_at(self.at)} ({self.source})"


@dataclass(frozen=True, slots=True)
class Sources:
    """What an environment's records show.

    Args:
        steps: Of the newest deployment and rollback, as ``deploy.backup``.
        deployment: The newest deployment; None when there was none.
        rollback: The rollback that came after it; None when there was none.
        gate: The newest gate.
        summary: The newest summary of a whole soak.
        deployments: How many records of deployments there are.
        rollbacks: How many records of rollbacks there are.
        old_backups: Backups past their retention; None where nobody asked the ledger.
    """

    steps: Mapping[str, StepTold] = field(default_factory=dict)
    deployment: Told | None = None
    rollback: Told | None = None
    gate: Told | None = None
    summary: Told | None = None
    deployments: int = 0
    rollbacks: int = 0
    old_backups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """What an environment's ledger says, where the database answers.

    Args:
        deployment: The latest; None when there was none.
        rollback: Its rollback; None when it stands.
        steps: Of the latest deployment and its rollback, as ``deploy.backup``.
        old_backups: Backups past their retention.
    """

    deployment: Told | None = None
    rollback: Told | None = None
    steps: Mapping[str, StepTold] = field(default_factory=dict)
    old_backups: tuple[str, ...] = ()

    def added_to(self, sources: Sources) -> Sources:
        """The records' word, with what only the ledger knows."""
        known = sources.deployment
        return replace(
            sources,
            deployment=known or self.deployment,
            rollback=sources.rollback or (self.rollback if self._is_newer(known) else None),
            steps={**self.steps, **sources.steps},
            old_backups=self.old_backups,
        )

    def _is_newer(self, known: Told | None) -> bool:
        return bool(self.rollback and (known is None or self.rollback.moment >= known.moment))


def gather(archive_dir: Path, environment: str, current: Told | None = None) -> Sources:
    """What an environment's records show, the newest first.

    Args:
        archive_dir: The archive.
        environment: Whose records.
        current: A record that is about to be closed, and counts as the newest.

    Raises:
        OSError: The archive cannot be read.
    """
    entries = _entries(archive_dir / environment)
    deployments = _told(entries, DEPLOYMENTS, "deployment", current)
    rollbacks = _told(entries, ROLLBACKS, "rollback", current)
    deployment, rollback = next(deployments, None), next(rollbacks, None)
    if rollback and deployment and rollback.moment < deployment.moment:
        rollback = None
    labels = [entry.label for entry in entries]
    kind = current.document.get("kind") if current else None
    return Sources(
        steps={
            **_steps("deploy", deployment, deployments),
            **_steps("rollback", rollback, rollbacks),
        },
        deployment=deployment,
        rollback=rollback,
        gate=next(_told(entries, GATE_LABELS, "gate", current), None),
        summary=next(_told(entries, GATE_LABELS, "summary", current), None),
        deployments=sum(label in DEPLOYMENTS for label in labels) + (kind == "deployment"),
        rollbacks=sum(label in ROLLBACKS for label in labels) + (kind == "rollback"),
    )


def attestations(
    archive_dir: Path, allowed_signers: Path | None, since: datetime | None
) -> dict[str, Attested]:
    """The newest word of a verified sign-off on each item.

    Args:
        archive_dir: The archive.
        allowed_signers: Who may sign; without it nobody's word is proved.
        since: Only records that began then or later are of this rollout.

    Raises:
        OSError: The archive cannot be read.
    """
    found: dict[str, Attested] = {}
    if allowed_signers is None or not archive_dir.is_dir():
        return found
    for place in archive_dir.iterdir():
        for directory, match in named(place):
            about = moment_of(match["moment"])
            if (since is None or about >= since) and numbers_in(directory):
                for name, word in _words(directory, about, allowed_signers):
                    if name not in found or found[name].at <= word.at:
                        found[name] = word
    return found


def moment_of(stem: str) -> datetime:
    """The moment that a directory's name begins with; the earliest there is when it is none."""
    try:
        return datetime.strptime(stem, STEM_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _words(
    directory: Path, about: datetime, allowed_signers: Path
) -> Iterator[tuple[str, Attested]]:
    """What is attested on a record that nobody touched; nothing where that cannot be proved."""
    try:
        closed = open_closed(directory)
        checked = check_signoffs(closed, allowed_signers)
    except GonogoError:
        return
    if closed.problems:
        return
    for check in checked:
        if check.signoff and not check.problems:
            source = f"{directory.name}/{check.name}"
            word = Attested(check.signoff.by, check.signoff.signed_at, source, about)
            yield from ((item.id, word) for item in check.signoff.attested)


@dataclass(frozen=True, slots=True)
class _Entry:
    directory: Path
    label: str
    moment: datetime


def _entries(place: Path) -> list[_Entry]:
    """An environment's records, the newest first."""
    found = [*named(place)]
    found.sort(key=lambda one: (one[1]["moment"], int(one[1]["twin"] or 1)), reverse=True)
    return [_Entry(path, match["label"], moment_of(match["moment"])) for path, match in found]


def _told(
    entries: Iterable[_Entry], labels: frozenset[str], kind: str, current: Told | None
) -> Iterator[Told]:
    """The records of a kind, the newest first; each is read when it is asked for."""
    if current and current.document.get("kind") == kind:
        yield current
    for entry in entries:
        if entry.label in labels:
            document, _ = load(entry.directory)
            if document.get("kind") == kind:
                yield Told(entry.directory.name, entry.moment, document)


def _steps(procedure: str, newest: Told | None, older: Iterator[Told]) -> dict[str, StepTold]:
    """The steps of a run and of those that it went on from; what was done before still stands."""
    steps: dict[str, StepTold] = {}
    if newest is None:
        return steps
    subject = newest.document.get("subject")
    same = [newest]
    for one in older:
        if subject is None or one.document.get("subject") != subject:
            break
        same.append(one)
    for run in same:
        for step in run.document.get("steps") or ():
            name = f"{procedure}.{step['name']}"
            known = steps.get(name)
            if known is None or (known.outcome == "skipped" and step["outcome"] == "succeeded"):
                line = step.get("proved") or step.get("error") or ""
                steps[name] = StepTold(step["outcome"], line, run.name)
    return steps
