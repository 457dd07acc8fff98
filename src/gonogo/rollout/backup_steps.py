"""The steps' backup: gonogo's own dump, or one that the team's own commands make and prove.

The latter is for databases that are too large for a dump: a provider's snapshot, pgBackRest,
barman. gonogo keeps its name and neither restores nor removes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from gonogo.application.commands import MAKE_BACKUP, PROVE_BACKUP, Commands
from gonogo.errors import BackupError, some
from gonogo.ledger.rows import BY_TEAM, Backup
from gonogo.record.files import make_directory
from gonogo.rollout.backup.backup import VerifiedBackup, make_backup, remove_partial
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.backup.order import BackupOrder
from gonogo.rollout.backup.rowhash import write_row_hashes
from gonogo.rollout.backup.tables import describe
from gonogo.rollout.migrations.statements import touched_tables
from gonogo.rollout.runner.steps import Evidence, HowItEnded, Resumption, Skipped
from gonogo.rollout.runner.work import Work

BACKING_UP = {
    "dump": "Dump the tables",
    "read": "Read the backup to its end",
    "restore": "Restore it to prove it",
}
# What a command's words can hold: neither an option nor a word that means something to a shell.
NAME = re.compile(r"[\w/.][\w/.:@+=~-]{0,299}")
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A backup by the team's own commands.

    Args:
        name: What the team knows it by: the last line that `make_backup` printed.
        made_by: The command that made it; secrets masked.
        proved_by: The command that proved it; secrets masked.
    """

    name: str
    made_by: str
    proved_by: str


def take_snapshot(commands: Commands) -> Snapshot:
    """Make a backup by the team's own commands, and prove it by them.

    Args:
        commands: Where both are configured.

    Raises:
        CommandError: One of them failed.
        BackupError: The name is missing, or no word of a command could hold it.
    """
    made = commands.run(MAKE_BACKUP)
    said = [line.strip() for line in made.last_lines if line.strip()] if made else []
    name = said[-1] if said else ""
    if made is None or not NAME.fullmatch(name):
        raise BackupError(
            f"{MAKE_BACKUP} must print the backup's name as its last line, by letters, digits and"
            f" . _ / : @ + = ~ - alone; it printed {name[:SHOWN]!r}",
            "correct the command; nothing was changed",
            step="backup",
        )
    proved = replace(commands, backup=name).run(PROVE_BACKUP)
    if proved is None:
        raise BackupError(f"no command {PROVE_BACKUP} is configured", "set it", step="backup")
    return Snapshot(name, made.command, proved.command)


def _undo_backup(work: Work, how: HowItEnded) -> None:
    # A dump that did not verify is kept for inspection.
    if how == "killed":
        remove_partial(work.context.section.backup_dir, work.context.environment)


def _usable_backup(work: Work) -> Backup | None:
    """The deployment's backup, where everything that relies on it is in place."""
    # The schema's fingerprint is written last: without it, nothing of the step is.
    made = work.backup if work.deployment.schema_before else None
    return made if made and made.is_here else None


BACKUP_AGAIN: Resumption[Work] = Resumption(
    stands=lambda work: _usable_backup(work) is not None,
    otherwise="its backup is gone, so another is made",
    cut_short="an unfinished dump is removed, and a backup is made unless a verified one is there",
    undo=_undo_backup,
)


def back_up(work: Work, evidence: Evidence) -> str | Skipped:
    """Back up the database, and fingerprint what the migrations will touch."""
    if made := _usable_backup(work):
        if made.is_of_team:
            return _of_team(made.path)
        return Skipped(f"this deployment has a verified backup: {made.path}")
    if work.context.is_backed_up_by_team:
        return _have_backed_up(work, evidence)
    tools = work.tools
    backup = make_backup(
        BackupOrder(
            work.database,
            tools,
            work.context.section.backup_dir,
            work.context.environment,
            work.context.backup_check,
            lambda *progress: _show_progress(work, *progress),
        )
    )
    ledger, number = work.site.ledger, work.deployment.id
    size_bytes, sha256, tool = backup.size_bytes, backup.sha256, backup.tool_version
    recorded = ledger.record_backup(number, backup.path, size_bytes, sha256, tool)
    ledger.verify_backup(recorded, backup.verified_by)
    _fingerprint(work, evidence)
    evidence |= {
        "path": str(backup.path),
        "bytes": backup.size_bytes,
        "sha256": backup.sha256,
        "tool_version": backup.tool_version,
        "verified_by": backup.verified_by,
        "rows": dict(backup.rows),
        "left_out": list(backup.left_out),
    }
    return f"{backup.path.name}, {backup.size_bytes / 1e6:.1f} MB, {_verified(backup)}"


def _have_backed_up(work: Work, evidence: Evidence) -> Skipped:
    """Have the team's own commands make the backup, and prove it."""
    make_directory(work.context.section.backup_dir)
    taken, ledger = take_snapshot(work.commands), work.site.ledger
    recorded = ledger.record_backup(work.deployment.id, taken.name, 0, "", taken.made_by)
    ledger.verify_backup(recorded, BY_TEAM)
    _fingerprint(work, evidence)
    evidence |= {"path": taken.name, "made_by": taken.made_by, "proved_by": taken.proved_by}
    evidence["verified_by"] = BY_TEAM
    return _of_team(taken.name)


def _of_team(name: str) -> Skipped:
    return Skipped(
        f"not proved by gonogo, which did not restore it itself: {name}, made and proved by the"
        " team's own commands"
    )


def _fingerprint(work: Work, evidence: Evidence) -> None:
    """Keep what a rollback is measured by; a later backup of the deployment changes none of it."""
    if work.deployment.schema_before is not None:
        return
    backup = work.site.ledger.backups(work.deployment.id)[0]
    touched = touched_tables(work.migrations)
    tables = describe(work.site.connection, touched, work.schema)
    write_row_hashes(work.site.connection, tables, work.rows_file(backup), work.schema)
    before = schema_now(work)
    work.site.ledger.set_schema_before(work.deployment.id, before)
    evidence |= {"schema_before": before, "fingerprinted": [one.table for one in tables]}


def schema_now(work: Work) -> str:
    """The fingerprint of the schema as it is."""
    gate_role = work.context.config.gate_role
    return schema_fingerprint(work.tools.bin_dir, work.database.conninfo, gate_role)


def _verified(backup: VerifiedBackup) -> str:
    if backup.verified_by == "read":
        return "read to its end"
    rows = sum(backup.rows.values())
    without = f"; not restored: {some(backup.left_out)}" if backup.left_out else ""
    return f"restored: {rows:,} rows in {len(backup.rows)} tables equal{without}"


def _show_progress(work: Work, what: str, done_bytes: int, all_bytes: int) -> None:
    title = BACKING_UP[what]
    if all_bytes:
        title += f" {done_bytes / 1e6:,.1f} of {all_bytes / 1e6:,.1f} MB"
    work.site.runner.progress(title, done_bytes, all_bytes)
