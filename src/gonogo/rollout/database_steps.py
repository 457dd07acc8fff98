"""Steps that reach the database: back it up, migrate it, revert it, prove that it is as before."""

from __future__ import annotations

from psycopg.rows import dict_row

from gonogo.errors import StepError
from gonogo.ledger import history
from gonogo.ledger.attempts import adopted_since
from gonogo.ledger.rows import Backup
from gonogo.postgres.session import owner_to_be
from gonogo.rollout.admins import Application, promote_admins
from gonogo.rollout.backup.rowhash import TableDifference, compare_row_hashes
from gonogo.rollout.backup_steps import schema_now
from gonogo.rollout.grants import grant_gate, grant_reporting, readable
from gonogo.rollout.migrations.apply import MigrationEvent, apply_pending
from gonogo.rollout.migrations.revert import revert
from gonogo.rollout.restore.replacement import RESTORED_SCHEMA
from gonogo.rollout.runner.context import SCHEMA_SURVEY
from gonogo.rollout.runner.steps import Evidence, Resumption, Skipped
from gonogo.rollout.runner.work import Work

SHOWN = 5
MIGRATE_AGAIN: Resumption[Work] = Resumption(
    cut_short="what the ledger has stays, and the rest is applied"
)
REVERT_AGAIN: Resumption[Work] = Resumption(
    cut_short="its one transaction was committed whole or not at all, as the ledger shows"
)


def migrate(work: Work, evidence: Evidence) -> str | Skipped:
    """Apply the migrations that the ledger does not have yet."""
    applied = apply_pending(
        work.site.connection,
        work.migrations,
        work.deployment.id,
        on_event=lambda event: _show_event(work, event),
        survey=work.context.survey,
        anchor=work.context.anchor,
        lock=work.site.lock,
    )
    evidence["migrations"] = [
        {"version": one.version, "name": one.name, "outcome": one.outcome, "attempts": one.attempts}
        for one in applied
    ]
    outcomes = [one.outcome for one in applied]
    counted = [f"{outcomes.count(name)} {name}" for name in dict.fromkeys(outcomes)]
    return f"{len(applied)} migrations: {', '.join(counted)}"


def verify_schema(work: Work, evidence: Evidence) -> str | Skipped:
    """Verify that every table, column, index and constraint is present and valid."""
    if not work.context.survey:
        return Skipped(f"checks/sql holds no {SCHEMA_SURVEY}, which would say what must be there")
    with work.site.connection.cursor(row_factory=dict_row) as cursor:
        objects = cursor.execute(work.context.survey.encode(), {}).fetchall()
    missing = [f"{one['migration']} {one['object']}" for one in objects if not one["present"]]
    evidence |= {"objects": len(objects), "missing": missing}
    if missing or not objects:
        shown = ", ".join(missing[:SHOWN]) or "the survey of the schema found no object"
        raise StepError(
            f"{len(missing)} of {len(objects)} objects are missing or invalid: {shown}",
            "fix the migrations, or roll back",
        )
    return f"{len(objects)} objects are there and valid"


def grant(work: Work, evidence: Evidence) -> str | Skipped:
    """Grant the gate's role the new tables, and the application the reporting of its jobs."""
    if application := owner_to_be(work.site.connection, work.schema, work.context.anchor):
        grant_reporting(work.site.connection, application)
        evidence["reports"] = application
    role = work.context.config.gate_role
    if role is None:
        return Skipped("rollout.toml names no gate_role")
    surveys = readable(work.context.project.sql_dir)
    tables = grant_gate(work.site.connection, role, work.schema, surveys)
    evidence |= {"role": role, "tables": list(tables)}
    also = f"{len(tables)} tables and " if tables else ""
    return f"{role} may read {also}the ledger"


def promote(work: Work, evidence: Evidence) -> str | Skipped:
    """Promote the configured administrators."""
    admins, promotion = work.context.config.admins, work.context.config.promotion
    if not admins or promotion is None:
        return Skipped("rollout.toml names no admins")
    who = work.context.deployed_by
    promoted = promote_admins(
        Application(work.site.connection, work.schema, promotion), admins, who
    )
    evidence |= {"admins": len(admins), "promoted": len(promoted)}
    already = len(set(admins)) - len(promoted)
    return f"{len(promoted)} promoted, {already} administrators already"


def move_aside(work: Work, evidence: Evidence) -> str | Skipped:
    """Revert what was applied since the last state that served; it is moved aside."""
    summary = revert(
        work.site.connection,
        work.migrations,
        work.deployment.id,
        earlier=work.earlier,
        on_event=lambda event: _show_event(work, event),
        anchor=work.context.anchor,
        lock=work.site.lock,
    )
    rows = dict(summary.rows_aside)
    evidence |= {
        "deployments": [work.deployment.id, *work.earlier],
        "aside": summary.aside,
        "versions": list(summary.versions),
        "rows_aside": rows,
    }
    if not summary.versions:
        return Skipped("nothing that it applied is in place")
    kept = f"{sum(rows.values()):,} rows of {len(rows)} tables kept in {summary.aside}"
    return f"{len(summary.versions)} migrations reverted in {summary.elapsed_s:.2f} s, {kept}"


def prove(work: Work, evidence: Evidence) -> str | Skipped:
    """Prove that the schema is what it was, and count how the rows have changed since."""
    before = work.deployment.schema_before
    if before is None:
        return Skipped("the deployment ended before it changed anything")
    now = schema_now(work)
    evidence |= {"schema_before": before, "schema_now": now}
    if now not in {before, _restored_schema(work)}:
        if adopted := _adopted_since(work):
            evidence["adopted_since"] = adopted
            return Skipped(
                f"the schema is NOT PROVED equal: {adopted} stays, because it was adopted after the"
                f" fingerprint was taken; {_compared(work, work.backup, evidence)}"
            )
        raise StepError(
            "the schema is not what it was before the deployment",
            "compare it with the backup's: pg_restore --schema-only; the application is up",
        )
    return f"schema equal to that before the deployment, {_compared(work, work.backup, evidence)}"


def _restored_schema(work: Work) -> str | None:
    """The fingerprint of what was restored, where the role could not restore all of it."""
    steps = work.site.ledger.steps(work.deployment.id, "rollback")
    found = [one.evidence[RESTORED_SCHEMA] for one in steps if RESTORED_SCHEMA in one.evidence]
    return str(found[-1]) if found else None


def _adopted_since(work: Work) -> str:
    """What a revert leaves in place and the fingerprint of before does not have."""
    if work.back is None:
        return ""
    return adopted_since(work.back, history.in_place(work.site.connection).values())


def _compared(work: Work, backup: Backup | None, evidence: Evidence) -> str:
    file = work.rows_file(backup) if backup else None
    if file is None or not file.is_file():
        return "rows not compared: the file of row hashes is missing"
    differences = compare_row_hashes(work.site.connection, file, work.schema)
    evidence["rows"] = {one.table: _counted(one) for one in differences}
    return ", ".join(map(_described, differences)) or "no row lay in a table that was altered"


def _counted(one: TableDifference) -> dict[str, int]:
    return {
        "unchanged": one.unchanged,
        "changed": one.changed,
        "deleted": one.deleted,
        "added": one.added,
    }


def _described(one: TableDifference) -> str:
    if one.intact and not one.added:
        return f"all {one.unchanged:,} rows of {one.table} intact"
    since = f"{one.changed:,} changed, {one.deleted:,} deleted, {one.added:,} added since"
    return f"{one.unchanged:,} rows of {one.table} intact ({since})"


def _show_event(work: Work, event: MigrationEvent) -> None:
    detail = f": {event.detail}" if event.detail else ""
    line = f"{event.version}_{event.name} {event.kind}{detail}"
    if event.kind in {"started", "indexing"}:
        work.site.runner.progress(line, 0, 0)
    else:
        work.site.runner.note(line)
