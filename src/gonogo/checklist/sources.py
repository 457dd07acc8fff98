"""What proves or attests items: the newest records of an environment, and its sign-offs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from gonogo.errors import GonogoError, RecordError
from gonogo.model.kinds import Kind
from gonogo.model.record import Record
from gonogo.model.step import Provenance, Subject
from gonogo.record.canonical import database_of, read_record, signoff_numbers
from gonogo.record.files import moment_of, named
from gonogo.record.listing import GATE_LABELS, SUMMARY
from gonogo.signing.integrity import open_closed
from gonogo.signing.signoffs import check_signoffs, said_at

LABELS: Mapping[Kind, frozenset[str]] = {
    Kind.GATE: GATE_LABELS,
    Kind.DEPLOYMENT: frozenset({"DEPLOYED", "DEPLOY-FAILED"}),
    Kind.ROLLBACK: frozenset({"ROLLED-BACK", "ROLLBACK-FAILED"}),
    Kind.SMOKE: frozenset({"SMOKE-PASSED", "SMOKE-FAILED", "SMOKE-NOT-ASKED"}),
    Kind.SUMMARY: frozenset({SUMMARY}),
}


@dataclass(frozen=True, slots=True)
class Run:
    """A run that an item is proved by, or that it comes after.

    Args:
        name: What it is called in the evidence: a record's name, or the ledger's.
        moment: When it began.
    """

    name: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class RecordedRun(Run):
    """A run whose record can be read, or is about to be closed."""

    record: Record


@dataclass(frozen=True, slots=True)
class StepRun:
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
        steps: Of the newest deployment, rollback and smoke requests, as ``deploy.backup``.
        deployment: The newest deployment; None when there was none.
        rollback: The rollback that came after it; None when there was none.
        gate: The newest gate.
        smoke: The newest smoke requests; None when none were sent.
        summary: The newest summary of a whole soak.
        deployments: How many records of deployments there are.
        rollbacks: How many records of rollbacks there are.
        old_backups: Backups past their retention; None where the ledger was not asked.
    """

    steps: Mapping[str, StepRun] = field(default_factory=dict)
    deployment: Run | None = None
    rollback: Run | None = None
    gate: Run | None = None
    smoke: Run | None = None
    summary: Run | None = None
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

    deployment: Run | None = None
    rollback: Run | None = None
    steps: Mapping[str, StepRun] = field(default_factory=dict)
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

    def _is_newer(self, known: Run | None) -> bool:
        return bool(self.rollback and (known is None or self.rollback.moment >= known.moment))


def gather(archive_dir: Path, environment: str, current: RecordedRun | None = None) -> Sources:
    """What an environment's records of one database show, the newest first.

    It is the database of the newest record that names one; those of another prove nothing of it.

    Args:
        archive_dir: The archive.
        environment: Whose records.
        current: A record that is about to be closed, and counts as the newest.

    Raises:
        OSError: The archive cannot be read.
    """
    entries = sorted(
        named(archive_dir / environment),
        key=lambda one: (one[1]["moment"], int(one[1]["twin"] or 1)),
        reverse=True,
    )
    asked = _newest_asked(entries, current)
    runs = {kind: _runs(entries, kind, current, asked) for kind in Kind}
    newest = {kind: next(found, None) for kind, found in runs.items()}
    deployment, rollback = newest[Kind.DEPLOYMENT], newest[Kind.ROLLBACK]
    if rollback and deployment and rollback.moment < deployment.moment:
        rollback = None
    return Sources(
        steps={
            **_steps("deploy", deployment, runs[Kind.DEPLOYMENT]),
            **_steps("rollback", rollback, runs[Kind.ROLLBACK]),
            **_steps("smoke", newest[Kind.SMOKE], runs[Kind.SMOKE]),
        },
        deployment=deployment,
        rollback=rollback,
        gate=newest[Kind.GATE],
        smoke=newest[Kind.SMOKE],
        summary=newest[Kind.SUMMARY],
        deployments=len(list(_runs(entries, Kind.DEPLOYMENT, current, asked))),
        rollbacks=len(list(_runs(entries, Kind.ROLLBACK, current, asked))),
    )


def attestations(
    archive_dir: Path, allowed_signers: Path | None, since: datetime | None
) -> dict[str, Attested]:
    """The newest word of a verified sign-off on each item.

    Args:
        archive_dir: The archive.
        allowed_signers: Who may sign; without it no attestation is proved.
        since: Only records that began then or later are of this rollout.
    """
    found: dict[str, Attested] = {}
    if allowed_signers is None or not archive_dir.is_dir():
        return found
    for place in archive_dir.iterdir():
        for directory, match in named(place):
            about = moment_of(match["moment"])
            if (since is None or about >= since) and signoff_numbers(directory):
                for name, word in _words(directory, about, allowed_signers):
                    if name not in found or found[name].at <= word.at:
                        found[name] = word
    return found


Entry = tuple[Path, re.Match[str]]


def _newest_asked(entries: Iterable[Entry], current: RecordedRun | None) -> Provenance | None:
    """Which database the newest record names; None where none does."""
    if current and database_of(current.record.provenance):
        return current.record.provenance
    for directory, _ in entries:
        with contextlib.suppress(RecordError):
            if database_of(asked := read_record(directory).provenance):
                return asked
    return None


def _runs(
    entries: Iterable[Entry], kind: Kind, current: RecordedRun | None, asked: Provenance | None
) -> Iterator[Run]:
    """The runs of a kind on the database asked, the newest first; each is read when asked for.

    Of a record that cannot be read only its name is known: it proves nothing, and hides what an
    older one would.
    """
    if current and current.record.kind is kind:
        yield current
    for directory, match in entries:
        if match["label"] in LABELS[kind]:
            run = Run(directory.name, moment_of(match["moment"]))
            try:
                record = read_record(directory)
            except RecordError:
                yield run
                continue
            known = record.provenance
            if record.kind is kind and not (known and asked and known.is_of_another(asked)):
                yield RecordedRun(run.name, run.moment, record)


def _steps(procedure: str, newest: Run | None, older: Iterator[Run]) -> dict[str, StepRun]:
    """The steps of a run and of those that it went on from; what was done before still stands."""
    steps: dict[str, StepRun] = {}
    if not isinstance(newest, RecordedRun) or not newest.record.is_whole:
        return steps
    for run in (newest, *_of_the_same(newest.record.subject, older)):
        for step in run.record.steps:
            name = f"{procedure}.{step.name}"
            known = steps.get(name)
            if known is None or (known.outcome == "skipped" and step.outcome == "succeeded"):
                steps[name] = StepRun(step.outcome, step.proved or step.error or "", run.name)
    return steps


def _of_the_same(subject: Subject | None, older: Iterator[Run]) -> Iterator[RecordedRun]:
    for one in older:
        if subject is None or not isinstance(one, RecordedRun) or one.record.subject != subject:
            return
        if one.record.is_whole:
            yield one


def _words(
    directory: Path, about: datetime, allowed_signers: Path
) -> Iterator[tuple[str, Attested]]:
    """What is attested on an unchanged record; nothing where that cannot be proved."""
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
