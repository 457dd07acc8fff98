"""The newest records of an environment: what its items are proved by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gonogo.checklist.sources import Sources, StepTold, Told
from gonogo.record.archived import GATE_LABELS, STEM_FORMAT, SUMMARY, load
from gonogo.record.listing import named

DEPLOYMENTS = frozenset({"DEPLOYED", "DEPLOY-FAILED"})
ROLLBACKS = frozenset({"ROLLED-BACK", "ROLLBACK-FAILED"})
SMOKES = frozenset({"SMOKE-PASSED", "SMOKE-FAILED"})
SUMMARIES = frozenset({SUMMARY})


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
    smokes = _told(entries, SMOKES, "smoke", current)
    deployment, rollback, smoke = (next(runs, None) for runs in (deployments, rollbacks, smokes))
    if rollback and deployment and rollback.moment < deployment.moment:
        rollback = None
    labels = [entry.label for entry in entries]
    kind = current.document.get("kind") if current else None
    return Sources(
        steps={
            **_steps("deploy", deployment, deployments),
            **_steps("rollback", rollback, rollbacks),
            **_steps("smoke", smoke, smokes),
        },
        deployment=deployment,
        rollback=rollback,
        gate=next(_told(entries, GATE_LABELS, "gate", current), None),
        smoke=smoke,
        summary=next(_told(entries, SUMMARIES, "summary", current), None),
        deployments=sum(label in DEPLOYMENTS for label in labels) + (kind == "deployment"),
        rollbacks=sum(label in ROLLBACKS for label in labels) + (kind == "rollback"),
    )


def moment_of(stem: str) -> datetime:
    """The moment that a directory's name begins with; the earliest there is when it is none."""
    try:
        return datetime.strptime(stem, STEM_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


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
