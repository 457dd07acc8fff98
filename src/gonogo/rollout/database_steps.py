"""Steps that reach the database: migrate it, revert it, prove what it is."""

from __future__ import annotations

from pathlib import Path

from psycopg.rows import dict_row

from gonogo.errors import StepError
from gonogo.ledger.rows import Backup
from gonogo.postgres.identity import owner_to_be
from gonogo.rollout.admins import promote_admins
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.backup.rowhash import TableDifference, compare_row_hashes
from gonogo.rollout.grants import grant_gate, grant_reporting
from gonogo.rollout.migrations.migrate import MigrationEvent, apply_pending
from gonogo.rollout.migrations.revert import revert
from gonogo.rollout.runner.steps import Evidence, Resumption, Skipped
from gonogo.rollout.runner.work import Work, rows_file

SHOWN = 5


MIGRATE_AGAIN: Resumption[Work] = Resumption(
    cut_short="what the ledger holds stands, and the rest is applied"
)
REVERT_AGAIN: Resumption[Work] = Resumption(
    cut_short="its one transaction was committed whole or not at all, as the ledger tells"
)


def migrate(work: Work, evidence: Evidence) -> str | Skipped:
    """Apply what the ledger does not know yet."""
    applied = apply_pending(
        work.site.connection,
        work.migrations,
        work.deployment.id,
        on_event=lambda event: _tell(work, event),
        survey=work.context.survey,
    )
    evidence["migrations"] = [
        {"version": one.version, "name": one.name, "outcome": one.outcome, "attempts": one.attempts}
        for one in applied
    ]
    outcomes = [one.outcome for one in applied]
    counted = [f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes)]
    return f"{len(applied)} migrations: {', '.join(counted)}"


def verify_schema(work: Work, evidence: Evidence) -> str:
    """See that every table, column, index and constraint is there and valid."""
    with work.site.connection.cursor(row_factory=dict_row) as cursor:
        objects = cursor.execute(work.context.survey.encode(), {}).fetchall()
    missing = [f"{one['migration']} {one['object']}" for one in objects if not one["present"]]
    evidence |= {"objects": len(objects), "missing": missing}
    if missing or not objects:
        shown = ", ".join(missing[:SHOWN]) or "the survey of the schema found nothing"
        raise StepError(
            f"{len(missing)} of {len(objects)} objects are not as they must be: {shown}",
            "mend the migrations, or roll back",
        )
    return f"{len(objects)} objects are there and valid"


def grant(work: Work, evidence: Evidence) -> str | Skipped:
    """Let the gate's role read the new tables, and the application report its jobs."""
    if application := owner_to_be(work.site.connection, work.schema):
        grant_reporting(work.site.connection, application)
        evidence["reports"] = application
    role = work.context.config.gate_role
    if role is None:
        return Skipped("rollout.toml names no gate_role")
    tables = grant_gate(work.site.connection, role, work.schema)
    evidence |= {"role": role, "tables": list(tables)}
    return f"{role} may read {len(tables)} tables and the ledger"


def promote(work: Work, evidence: Evidence) -> str | Skipped:
    """Promote the configured administrators."""
    admins = work.context.config.admins
    if not admins:
        return Skipped("rollout.toml names no admins")
    who = work.context.deployed_by
    promoted = promote_admins(work.site.connection, work.schema, admins, who)
    evidence |= {"admins": len(admins), "promoted": len(promoted)}
    already = len(set(admins)) - len(promoted)
    return f"{len(promoted)} promoted, {already} administrators already"


def move_aside(work: Work, evidence: Evidence) -> str | Skipped:
    """Revert the deployment's migrations; what they made is moved aside."""
    summary = revert(
        work.site.connection,
        work.migrations,
        work.deployment.id,
        on_event=lambda event: _tell(work, event),
    )
    rows = dict(summary.rows_aside)
    evidence |= {"aside": summary.aside, "versions": list(summary.versions), "rows_aside": rows}
    if not summary.versions:
        return Skipped("nothing of this deployment is applied")
    kept = f"{sum(rows.values()):,} rows of {len(rows)} tables kept in {summary.aside}"
    return f"{len(summary.versions)} migrations reverted in {summary.elapsed_s:.2f} s, {kept}"


def prove(work: Work, evidence: Evidence) -> str | Skipped:
    """Prove that the schema is what it was, and count what became of the rows since."""
    before = work.deployment.schema_before
    if before is None:
        return Skipped("the deployment ended before it changed anything")
    now = schema_fingerprint(work.tools.bin_dir, work.database.conninfo)
    evidence |= {"schema_before": before, "schema_now": now}
    if now != before:
        raise StepError(
            "the schema is not what it was before the deployment",
            "compare it with the backup's: pg_restore --schema-only; the application is up",
        )
    return f"schema equal to that before the deployment, {_compared(work, work.backup, evidence)}"


def _compared(work: Work, backup: Backup | None, evidence: Evidence) -> str:
    file = rows_file(Path(backup.path)) if backup else None
    if file is None or not file.is_file():
        return "rows not compared: the file of row hashes is gone"
    differences = compare_row_hashes(work.site.connection, file, work.schema)
    evidence["rows"] = {one.table: _counted(one) for one in differences}
    return ", ".join(map(_told, differences)) or "no row lay in a table that was altered"


def _counted(one: TableDifference) -> dict[str, int]:
    return {
        "unchanged": one.unchanged,
        "changed": one.changed,
        "deleted": one.deleted,
        "added": one.added,
    }


def _told(one: TableDifference) -> str:
    if one.intact and not one.added:
        return f"all {one.unchanged:,} rows of {one.table} intact"
    since = f"{one.changed:,} changed, {one.deleted:,} deleted, {one.added:,} added since"
    return f"{one.unchanged:,} rows of {one.table} intact ({since})"


def _tell(work: Work, event: MigrationEvent) -> None:
    detail = f": {event.detail}" if event.detail else ""
    line = f"{event.version}_{event.name} {event.kind}{detail}"
    if event.kind in {"started", "indexing"}:
        work.site.runner.progress(line, 0, 0)
    else:
        work.site.runner.note(line)
