"""``gonogo status`` of a fleet: which of its databases stands where, in one table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from gonogo.errors import DatabaseError
from gonogo.screen import command

if TYPE_CHECKING:
    from pathlib import Path

    from gonogo.model.kinds import Environment
    from gonogo.report.narration import Narration
    from gonogo.rollout.fleet import Seen

HEAD = ("database", "group", "", "revision", "deployment", "migrations", "last verdict", "")


def show_fleet(narration: Narration, environment: Environment) -> None:
    """Show where each database of a fleet stands; what cannot be asked is a line with its reason.

    Args:
        narration: The terminal.
        environment: The fleet's.

    Raises:
        DatabaseError: One of them could not be asked; it is raised when all are shown.
    """
    from gonogo.config.sections import project_here
    from gonogo.interruption import interruptible
    from gonogo.masking import Mask
    from gonogo.rollout.fleet import look

    _, config = project_here()
    section, mask = config.environment(environment), Mask.of(os.environ)
    with interruptible("nothing was changed"):
        seen = look(section.databases, os.environ)
    verdicts = _verdicts(config.archive_dir, environment)
    narration.chapter(f"{environment}: a fleet of {len(seen)} databases")
    rows = [tuple(map(mask, _row(one, environment, verdicts))) for one in seen]
    narration.rows([HEAD, *rows])
    for line in _of_all(seen, environment):
        narration.say(f"  {line}")
    if dead := [one.member.name for one in seen if one.standing is None]:
        raise DatabaseError(
            f"{len(dead)} of {len(seen)} databases cannot be asked: {', '.join(dead)}",
            "the table has each reason",
        )


def _row(one: Seen, environment: Environment, verdicts: Mapping[str, str]) -> Sequence[str]:
    from gonogo.application.code import short

    member, standing = one.member, one.standing
    who = (member.name, member.group or "", "canary" if member.canary else "")
    verdict = verdicts.get(member.name, "")
    if standing is None:
        return (*who, "", "", "", verdict, f"CANNOT BE ASKED: {one.problem}")
    latest = standing.latest
    if latest is None:
        ledger = "no deployment" if standing.has_ledger else "no ledger"
        return (*who, "", ledger, "", verdict, "")
    there = [row.version for row in standing.migrations if row.reverted_at is None]
    notes = [f"at work: {standing.holder}"] if standing.holder else []
    if standing.mark and standing.mark.name != environment:
        notes += [f"ITS LEDGER SAYS {standing.mark.name}"]
    opened = sum(one.closed_at is None for one in standing.incidents)
    notes += [f"{opened} open incident{'s' if opened > 1 else ''}"] if opened else []
    return (
        *who,
        short(latest.previous_revision if latest.outcome == "rolled_back" else latest.revision),
        f"{latest.id}: {standing.state(latest)}",
        f"{len(there)}, last {there[-1]}" if there else "none",
        verdict,
        "; ".join(notes),
    )


def _of_all(seen: Sequence[Seen], environment: Environment) -> Iterator[str]:
    """What the deployments of all databases come to, a line each."""
    from gonogo.application.code import short
    from gonogo.rollout.fleet import lacking

    latest = [one.standing.latest for one in seen if one.standing and one.standing.latest]
    for revision in dict.fromkeys(one.revision for one in latest if one.outcome == "succeeded"):
        lacks = lacking(seen, environment, revision)
        if not lacks:
            yield f"every database is at {short(revision)}"
        waits = [one for one in seen if one.waits and not one.lacks(environment, revision)]
        if lacks and waits:
            yield f"the application waits with {short(revision)}: {'; '.join(lacks)}"
        elif waits == list(seen):
            yield (
                "no deployment has brought the application there:"
                f" {command(f'deploy {environment}')} of any database once more does"
            )


def _verdicts(archive_dir: Path, environment: Environment) -> Mapping[str, str]:
    """The verdict of each database in the newest gate's record; none where there is none."""
    from gonogo.errors import RecordError
    from gonogo.model.kinds import Kind
    from gonogo.record.canonical import read_record
    from gonogo.record.listing import list_records

    with suppress(OSError, RecordError):
        for one in list_records(archive_dir, quick=True):
            if one.kind is Kind.GATE and one.environment == environment and one.verdict:
                members = read_record(one.directory).members
                return {member.name: member.verdict or "not judged" for member in members}
    return {}
