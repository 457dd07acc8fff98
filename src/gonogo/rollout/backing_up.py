"""The step that backs up the database, and fingerprints what the migrations will touch."""

from __future__ import annotations

from pathlib import Path

from gonogo.ledger.rows import Backup
from gonogo.rollout.backup.backup import VerifiedBackup, make_backup, remove_partial
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.backup.order import BackupOrder
from gonogo.rollout.backup.rowhash import write_row_hashes
from gonogo.rollout.backup.tables import describe
from gonogo.rollout.preflight.prerequisites import touched_tables
from gonogo.rollout.runner.steps import Evidence, HowItEnded, Resumption, Skipped
from gonogo.rollout.runner.work import Work, rows_file

BACKING_UP = {
    "dump": "Dump the tables",
    "read": "Read the backup to its end",
    "restore": "Restore it to prove it",
}


def _undo_backup(work: Work, how: HowItEnded) -> None:
    # What did not verify was told to be kept for a look.
    if how == "killed":
        remove_partial(work.context.section.backup_dir, work.context.environment)


def _standing(work: Work) -> Backup | None:
    """The deployment's backup, where all that is relied upon is there."""
    # The schema's fingerprint is written last: without it, nothing of the step is.
    made = work.backup if work.deployment.schema_before else None
    return made if made and Path(made.path).is_file() else None


BACKUP_AGAIN: Resumption[Work] = Resumption(
    stands=lambda work: _standing(work) is not None,
    otherwise="its backup does not lie there any more, so another is made",
    cut_short="an unfinished dump is removed, and a verified backup is made unless one stands",
    undo=_undo_backup,
)


def back_up(work: Work, evidence: Evidence) -> str | Skipped:
    """Back up the database, and fingerprint what the migrations will touch."""
    if standing := _standing(work):
        return Skipped(f"the verified backup of this deployment stands: {standing.path}")
    tools = work.tools
    backup = make_backup(
        BackupOrder(
            work.database,
            tools,
            work.context.section.backup_dir,
            work.context.environment,
            work.context.backup_check,
            lambda *told: _tell_progress(work, *told),
        )
    )
    _record(work, backup)
    if work.deployment.schema_before is None:
        _fingerprint(work, backup, evidence)
    evidence |= {
        "path": str(backup.path),
        "bytes": backup.size_bytes,
        "sha256": backup.sha256,
        "tool_version": backup.tool_version,
        "verified_by": backup.verified_by,
        "rows": dict(backup.rows),
    }
    return f"{backup.path.name}, {backup.size_bytes / 1e6:.1f} MB, {_verified(backup)}"


def _record(work: Work, backup: VerifiedBackup) -> None:
    backup_id = work.site.ledger.record_backup(
        work.deployment.id, backup.path, backup.size_bytes, backup.sha256, backup.tool_version
    )
    work.site.ledger.verify_backup(backup_id, backup.verified_by)


def _fingerprint(work: Work, backup: VerifiedBackup, evidence: Evidence) -> None:
    touched = touched_tables(work.migrations)
    tables = describe(work.site.connection, touched, work.schema)
    write_row_hashes(work.site.connection, tables, rows_file(backup.path), work.schema)
    before = schema_fingerprint(work.tools.bin_dir, work.database.conninfo)
    work.site.ledger.set_schema_before(work.deployment.id, before)
    evidence |= {"schema_before": before, "fingerprinted": [one.table for one in tables]}


def _verified(backup: VerifiedBackup) -> str:
    if backup.verified_by == "read":
        return "read to its end"
    rows = sum(backup.rows.values())
    return f"restored: {rows:,} rows in {len(backup.rows)} tables equal"


def _tell_progress(work: Work, what: str, done_bytes: int, all_bytes: int) -> None:
    title = BACKING_UP[what]
    if all_bytes:
        title += f" {done_bytes / 1e6:,.1f} of {all_bytes / 1e6:,.1f} MB"
    work.site.runner.progress(title, done_bytes, all_bytes)
