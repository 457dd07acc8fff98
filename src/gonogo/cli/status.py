"""``gonogo status`` and ``incident``: what the ledger says of this database."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.databases import OfFleet, fleet_of, open_database, settings_of, standing_now
from gonogo.cli.fleet import show_fleet
from gonogo.cli.inputs import masked
from gonogo.screen import command

if TYPE_CHECKING:
    from datetime import datetime

    from gonogo.config.environments import EnvironmentConfig
    from gonogo.config.sections import RolloutConfig
    from gonogo.ledger.rows import Backup, Deployment, Incident, MigrationRow, StepRow
    from gonogo.report.narration import Narration
    from gonogo.rollout.standing import Standing

ASKED_WITHIN_S = 5.0
MOST = 10
SHORT = 12
STAMP = "%Y-%m-%d %H:%MZ"
Row = Sequence[str]

incident_app = typer.Typer(help="Incidents and complaints, which stand in the way of GO.")


class Kind(StrEnum):
    """The kind of an incident."""

    CRITICAL = "critical"
    COMPLAINT = "complaint"


@incident_app.command("open")
def open_(
    title: Annotated[
        str, typer.Argument(metavar="TITLE", parser=masked, help="What happened, in one line.")
    ],
    *,
    kind: Annotated[Kind, typer.Option(help="Its kind.")] = Kind.CRITICAL,
    database: OfFleet = None,
) -> None:
    """Open an incident; an open critical one allows no GO."""
    from gonogo.ledger.history import open_incident
    from gonogo.rollout.runner.context import who

    with open_database("incident", settings_of(None, database), with_ledger=True) as connection:
        number = open_incident(connection, title, who(), kind)
    typer.echo(
        f"incident {number} ({kind}) is open; close it: {command('incident', f'close {number}')}"
    )


def _number(text: str) -> int:
    """The number of an incident, as a person typed it."""
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        shown = f"{command('incident', 'list')} shows the numbers"
        raise typer.BadParameter(f"{text!r} is no number of an incident; {shown}")
    return int(text)


@incident_app.command("close")
def close_(
    number: Annotated[
        int, typer.Argument(metavar="ID", help="As `list` shows it.", parser=_number)
    ],
    *,
    void: Annotated[
        bool, typer.Option("--void", help="It was no incident, and does not count.")
    ] = False,
    database: OfFleet = None,
) -> None:
    """Close an incident; with --void, also one that is closed already."""
    from gonogo.ledger.history import close_incident
    from gonogo.rollout.runner.context import who

    with open_database("incident", settings_of(None, database), with_ledger=True) as connection:
        close_incident(connection, number, who(), void=void)
    typer.echo(f"incident {number} is closed{' as void' if void else ''}")


@incident_app.command("list")
def list_(*, database: OfFleet = None) -> None:
    """List all incidents, open ones first."""
    from gonogo.ledger.history import incidents
    from gonogo.report.narration import Narration

    with open_database("incident", settings_of(None, database), with_ledger=True) as connection:
        rows = list(_incidents(incidents(connection)))
    Narration.to_terminal().rows(rows or [("no incident",)])


def status(
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV.")
    ] = None,
    database: OfFleet = None,
) -> None:
    """Show where this database stands: deployments, steps, migrations, backups, incidents.

    Of a fleet, show which of its databases stands where; with --database, one of them.
    """
    from gonogo.report.narration import Narration

    narration = Narration.to_terminal()
    if not database and (named := fleet_of(environment)):
        show_fleet(narration, named)
        return
    settings = settings_of(environment, database)
    standing = standing_now("status", settings)
    _show_database(narration, standing, settings.shown)
    if not standing.has_ledger:
        narration.say("no ledger (schema gonogo): gonogo never deployed to this database")
        return
    _show_rows(narration, "Deployments", (_deployment(standing, d) for d in standing.deployments))
    if standing.at_hand:
        title = f"Steps of deployment {standing.at_hand.id}"
        _show_rows(narration, title, (_step(standing, step) for step in standing.steps), None)
    _show_rows(narration, "Migrations", _migrations(standing.migrations), None)
    _show_rows(narration, "Backups", map(_backup, standing.backups))
    _show_retention(narration, standing)
    _show_rows(narration, "Incidents", _incidents(standing.incidents))
    if standing.advice:
        narration.console.print()
        narration.say(f"next: {standing.advice}", "bold")


def _show_database(narration: Narration, standing: Standing, address: str) -> None:
    identity, mark = standing.identity, standing.mark
    rows = [("database", f"{identity.database} ({address})")]
    rows += [("server", f"PostgreSQL {identity.server_version}, as {identity.role}")]
    if identity.system_identifier:
        rows += [("identifier", identity.system_identifier)]
    if mark:
        rows += [("environment", f"{mark.name}{', simulated' if mark.simulated else ''}")]
    rows += [("at work", str(standing.holder or "no deployer"))]
    rows += [("application", line) for line in _instances(standing)]
    rows += [("aside", f"{name}: what a revert moved aside") for name in standing.aside]
    rows += [
        ("kept", f"{name}: what a restore replaced; drop it once it is not needed")
        for name in standing.kept
    ]
    rows += [
        ("prepared", f"{name}: left by a restore that was cut short; the next one uses it")
        for name in standing.prepared
    ]
    narration.rows(rows)


def _show_rows(
    narration: Narration, title: str, rows: Iterable[Row], most: int | None = MOST
) -> None:
    every = list(rows)
    narration.chapter(title)
    narration.rows(every[:most] or [("none",)])
    if most and len(every) > most:
        narration.say(f"  and {len(every) - most} more")


def _deployment(standing: Standing, one: Deployment) -> Row:
    revisions = f"{one.revision[:SHORT]}, before it {one.previous_revision[:SHORT]}"
    notes = [f"override: {one.override_reason}" if one.override_reason else ""]
    if one.rolled_back_at:
        notes += [f"by {one.rollback_mode} {_at(one.rolled_back_at)}: {one.rollback_reason or '-'}"]
    ended = f"in {(one.finished_at - one.started_at).seconds} s" if one.finished_at else ""
    began = f"{_at(one.started_at)} by {one.deployed_by}"
    return str(one.id), standing.state(one), revisions, began, ended, "; ".join(filter(None, notes))


def _step(standing: Standing, one: StepRow) -> Row:
    cut_short = one.outcome == "running" and not standing.holder
    outcome = "interrupted" if cut_short else one.outcome
    took = f"{(one.finished_at - one.started_at).total_seconds():.2f} s" if one.finished_at else ""
    return one.procedure, one.name, outcome, _at(one.started_at), took, one.error or ""


def _migrations(rows: Sequence[MigrationRow]) -> Iterable[Row]:
    reverted: dict[int, int] = {}
    deployment = 0
    for one in rows:
        if one.reverted_at:
            reverted[one.deployment_id] = reverted.get(one.deployment_id, 0) + 1
            continue
        state = "adopted" if one.adopted else "applied"
        outstanding = "" if one.completed_at else "NOT COMPLETE: its index is outstanding"
        if one.deployment_id != deployment:
            deployment = one.deployment_id
            yield f"by deployment {deployment}", "", "", ""
        yield f"{one.version}_{one.name}", state, _at(one.applied_at), outstanding
    for deployment_id, count in reverted.items():
        counted = f"{count} migration{'' if count == 1 else 's'}"
        yield counted, "reverted", f"of deployment {deployment_id}", ""


def _backup(one: Backup) -> Row:
    verified = f"verified by {one.verified_by}" if one.verified_by else "NOT VERIFIED"
    there = "" if one.is_here else "not on this machine"
    size = "" if one.is_of_team else f"{one.bytes / 1e6:.1f} MB"
    return f"of deployment {one.deployment_id}", _at(one.made_at), size, verified, one.path, there


def _show_retention(narration: Narration, standing: Standing) -> None:
    """List the backups that are older than their retention; gonogo deletes none of them."""
    from datetime import UTC, datetime

    from gonogo.ledger.rows import past_retention

    retention_days = _retention_days(standing)
    if retention_days is None:
        return
    now, needed = datetime.now(UTC), standing.restored_from
    old = past_retention(standing.backups, retention_days, now, needed)
    if old:
        size = sum(one.bytes for one in old) / 1e6
        title = f"Backups older than their retention of {retention_days} days: {size:,.1f} MB"
        _show_rows(narration, title, map(_backup, old), None)


def _retention_days(standing: Standing) -> int | None:
    """How long rollout.toml has backups of this environment kept; None where it does not say."""
    found = _configured(standing)
    return found[1].retention_days if found else None


def _configured(standing: Standing) -> tuple[RolloutConfig, EnvironmentConfig] | None:
    """What rollout.toml says, as a whole and of this environment; None where nothing does."""
    from gonogo.config.sections import project_here
    from gonogo.errors import UsageError
    from gonogo.model.kinds import Environment

    # `status` works without a rollout.toml.
    with suppress(UsageError):
        _, config = project_here()
        if standing.mark:
            return config, config.environment(Environment(standing.mark.name))
    return None


def _instances(standing: Standing) -> Iterator[str]:
    """Whether each instance answers, where something was deployed and they can be asked."""
    from gonogo.application.identity import State, state_of
    from gonogo.masking import Mask

    found = _configured(standing)
    if found is None or not standing.deployments or "endpoints" in found[0].without:
        return
    config, section = found
    base_url = os.environ.get(config.application.base_url or "", "").strip()
    again = command("restart", standing.deployments[0].environment)
    for address in section.instances or filter(None, (base_url,)):
        state, reason = state_of(address, config.identity.path, timeout_s=ASKED_WITHIN_S)
        said = {
            State.ANSWERS: f"answers ({reason})",
            State.GONE: f"DOES NOT ANSWER ({reason}): {again} starts it",
            State.UNKNOWN: f"cannot be asked ({reason})",
        }
        yield Mask.of(os.environ)(f"{address} {said[state]}")


def _incidents(incidents: Iterable[Incident]) -> Iterable[Row]:
    for one in sorted(incidents, key=lambda incident: incident.closed_at is not None):
        state = f"closed {_at(one.closed_at)}{_by(one.closed_by)}" if one.closed_at else "OPEN"
        state += f", void{_by(one.voided_by)}" if one.void else ""
        yield str(one.id), one.kind, f"{_at(one.opened_at)} by {one.opened_by}", state, one.title


def _by(name: str | None) -> str:
    return f" by {name}" if name else ""


def _at(moment: datetime | None) -> str:
    from datetime import UTC

    return moment.astimezone(UTC).strftime(STAMP) if moment else ""
