"""``gonogo checklist``: what is proved, what is attested, and what is open, phase by phase."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.databases import fleet_of, settings_of, standing_now
from gonogo.errors import DatabaseError, UsageError
from gonogo.model.kinds import Environment
from gonogo.report.text import BAD, GOOD, OPEN, QUIET
from gonogo.screen import command

if TYPE_CHECKING:
    from datetime import datetime

    from gonogo.checklist.sources import Book
    from gonogo.config.sections import RolloutConfig
    from gonogo.model.record import PhaseEntry
    from gonogo.report.narration import Narration
    from gonogo.rollout.standing import Standing

# By the states of an item; their type is not imported, so that `--help` stays fast.
MARKS: Mapping[str, tuple[str, str]] = {
    "proved": ("✓", GOOD),
    "attested": ("✓", GOOD),
    "failed": ("✗", BAD),
    "open": ("○", OPEN),
    "not due": ("-", QUIET),
}
SETTLED = frozenset({"proved", "attested", "not due"})


def checklist(
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV, else staging.")
    ] = None,
) -> None:
    """Print the checklist: what is proved by which record, what is attested, what is open."""
    from gonogo.checklist.entries import checklist_desk
    from gonogo.checklist.standing import checklist_block
    from gonogo.config.sections import project_here
    from gonogo.postgres.dsn import named_environment
    from gonogo.report.narration import Narration

    project, config = project_here()
    named = named_environment(os.environ, environment) or Environment.STAGING
    desk = checklist_desk(project, config)
    narration = Narration.to_terminal()
    show_checklist(narration, checklist_block(desk, named, books=_books(narration, config, named)))


def show_checklist(narration: Narration, block: Sequence[PhaseEntry]) -> None:
    """Show every item, phase by phase.

    Args:
        narration: The terminal.
        block: The phases, as a record holds them.
    """
    for phase in block:
        narration.chapter(_head(phase))
        for item in phase.items:
            mark, style = MARKS[item.state]
            waits = item.how == "attested" and item.state != "attested"
            by_person = " (a person's to attest)" if waits else ""
            narration.say(f"  {mark} {item.text}{by_person}", style)
            more = f", {item.evidence}" if item.evidence else ""
            narration.say(f"      {item.id}: {item.state}{more}", QUIET)


def checklist_lines(record: Path, only: str = "") -> list[str]:
    """The checklist after a deployment or rollback: how much is settled, and what is not.

    Args:
        record: Its ``record.json``.
        only: The id of the one phase to show, with every item; empty shows what is not settled of
            the phases that this record belongs to, and of the others how far they are.
    """
    from gonogo.record.canonical import read_record

    phases = read_record(record.parent).checklist
    if only:
        return [line for one in phases if one.phase == only for line in _lines(one, SETTLED)]
    # The last that this record is part of is the one that its reader is in.
    own = [one for one in reversed(phases) if _is_of_this_record(one)]
    lines = [line for one in own for line in _lines(one)]
    lines += [_head(one) for one in phases if one not in own]
    return [*lines, f"{command('checklist')} shows every item, with its evidence"]


def _is_of_this_record(phase: PhaseEntry) -> bool:
    return any(item.state == "proved" and item.is_own for item in phase.items)


def _lines(phase: PhaseEntry, settled: frozenset[str] = frozenset()) -> list[str]:
    """A phase in lines: its tally, the items not settled, and those settled in these states."""
    lines = [_head(phase)]
    for item in phase.items:
        if item.state in settled or item.state not in SETTLED:
            mark, _ = MARKS[item.state]
            lines.append(f"  {mark} {item.text} ({item.id})")
    return lines


def _head(phase: PhaseEntry) -> str:
    states = [item.state.value for item in phase.items]
    counted = [f"{states.count(state)} {state}" for state in MARKS if state in states]
    return f"{phase.title}: {', '.join(counted)}"


def _books(
    narration: Narration, config: RolloutConfig, environment: Environment
) -> dict[Environment, Book]:
    """What the ledger says; nothing, and the reason is shown, where no database answers."""
    from datetime import UTC, datetime

    try:
        standing = (
            _standing_of_fleet(config, environment)
            if fleet_of(environment)
            else standing_now("checklist", settings_of(environment, None))
        )
        books = _book_of(standing, config, datetime.now(UTC))
    except (DatabaseError, UsageError) as error:
        narration.say(f"without the ledger: {error.problem}", QUIET)
        return {}
    known = f"with the ledger of {', '.join(books)}"
    narration.say(known if books else "the ledger knows of no deployment", QUIET)
    return books


def _standing_of_fleet(config: RolloutConfig, environment: Environment) -> Standing:
    """Where a fleet stands that is at one revision: as its newest deployment, with all backups.

    Raises:
        UsageError: A database cannot be asked, or is at another revision than that.
    """
    from gonogo.rollout.fleet import lacking, look

    seen = look(config.environment(environment).databases, os.environ)
    there = [one.standing for one in seen if one.standing and one.standing.latest]
    newest = max(there, key=lambda one: one.deployments[0].started_at, default=None)
    revision = newest.deployments[0].revision if newest else ""
    if newest is None or (lacks := lacking(seen, environment, revision)):
        raise UsageError("; ".join(lacks) if newest else "no database of the fleet was deployed to")
    return replace(newest, backups=tuple(backup for one in there for backup in one.backups))


def _book_of(standing: Standing, config: RolloutConfig, now: datetime) -> dict[Environment, Book]:
    """What a database's ledger shows of its environment."""
    from gonogo.checklist.sources import Book, Run, StepRun
    from gonogo.ledger.rows import past_retention

    if standing.mark is None or standing.latest is None:
        return {}
    environment, latest = Environment(standing.mark.name), standing.latest
    name, rolled_back_at = f"the ledger, deployment {latest.id}", latest.rolled_back_at
    retention_days = config.environment(environment).retention_days
    book = Book(
        deployment=Run(name, latest.started_at),
        rollback=Run(name, rolled_back_at) if rolled_back_at else None,
        steps={
            f"{row.procedure}.{row.name}": StepRun(row.outcome, row.error or row.outcome, name)
            for row in standing.steps
        },
        old_backups=tuple(
            f"{Path(backup.path).name} ({(now - backup.made_at).days} days old)"
            for backup in past_retention(
                standing.backups, retention_days, now, standing.restored_from
            )
        ),
    )
    return {environment: book}
