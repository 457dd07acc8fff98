"""Whether a restore can be begun: rights, room, and the backup as it was when it was verified."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from gonogo.errors import BackupError, StepError
from gonogo.ledger.rows import Backup
from gonogo.rollout.backup.backup import file_sha256
from gonogo.rollout.backup.place import ROOM_BESIDE_BYTES
from gonogo.rollout.runner.work import Work

SHOWN = 3
LOCAL = ("localhost", "127.0.0.1", "::1")
RIGHTS = """
select r.rolsuper or r.rolcreatedb as creates,
    r.rolsuper or pg_has_role(d.datdba, 'usage') as owns,
    r.rolsuper or pg_has_role('pg_signal_backend', 'usage') or not exists (
        select from pg_stat_activity as a
        where a.datname = d.datname and a.usesysid is not null
            and not pg_has_role(a.usesysid, 'usage')
    ) as ends
from pg_roles as r, pg_database as d
where r.rolname = current_user and d.datname = current_database()"""
FOREIGN_TABLES = """
select n.nspname || '.' || c.relname
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not pg_has_role(c.relowner, 'usage')
    and not exists (
        select from pg_depend as d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by 1"""
PREPARED = "select gid from pg_prepared_xacts where database = current_database() order by 1"


def usable_backup(work: Work) -> Backup:
    """The deployment's newest verified backup from before its first change, proved unharmed.

    Raises:
        BackupError: There is none, it is not here, or it is not what it was.
    """
    own = [row for row in work.site.ledger.migrations() if row.deployment_id == work.deployment.id]
    first = min((row.applied_at for row in own if not row.adopted), default=None)
    made = [
        one
        for one in work.site.ledger.backups(work.deployment.id)
        if one.verified_at and (first is None or one.made_at <= first)
    ]
    if not made:
        raise BackupError(
            f"deployment {work.deployment.id} has no verified backup", "roll back by revert"
        )
    backup = made[0]
    path = Path(backup.path)
    if not path.is_file():
        raise BackupError(f"the backup {path} is not on this machine", "bring it back there")
    if (path.stat().st_size, file_sha256(path)) != (backup.bytes, backup.sha256):
        raise BackupError(
            f"the backup {path} is not what it was when it was verified", "bring back a copy of it"
        )
    return backup


def require_rights_and_room(work: Work) -> int:
    """See that the role may do all of it and that there is room; every problem at once.

    Returns:
        How large the database is, in bytes.

    Raises:
        StepError: Something is in the way.
    """
    row = work.site.connection.execute("select pg_database_size(current_database())").fetchone()
    size_bytes = int(row[0]) if row else 0
    problems = (*_rights(work), *_room(work, size_bytes))
    if problems:
        raise StepError("; ".join(problems), "nothing was changed; mend these and try again")
    return size_bytes


def rows_backed_up(work: Work) -> Mapping[str, int]:
    """Rows by table within the backup's snapshot, as its step proved; empty when nobody counted."""
    steps = work.site.ledger.steps(work.deployment.id, "deploy")
    proved = [step for step in steps if step.name == "backup" and step.outcome == "succeeded"]
    rows: Any = proved[-1].evidence.get("rows", {}) if proved else {}
    return {str(name): int(count) for name, count in rows.items()}


def _rights(work: Work) -> Iterator[str]:
    connection, identity = work.site.connection, work.site.identity
    creates, owns, ends = connection.execute(RIGHTS).fetchone() or (False, False, False)
    if not creates:
        yield f"{identity.role} may not create databases (CREATEDB)"
    if not owns:
        yield f"{identity.role} does not own the database {identity.database}"
    if not ends:
        yield (
            f"{identity.role} may not end the sessions of other roles (grant pg_signal_backend,"
            " or end them by hand)"
        )
    foreign = [str(name) for (name,) in connection.execute(FOREIGN_TABLES)]
    if foreign:
        yield f"{identity.role} does not own {_some(foreign)}"
    prepared = [str(gid) for (gid,) in connection.execute(PREPARED)]
    if prepared:
        yield f"prepared transactions keep the database in use: {_some(prepared)}"


def _room(work: Work, needed_bytes: int) -> Iterator[str]:
    """Ask the disk where it is ours to ask: a server elsewhere tells by failing."""
    host = str(conninfo_to_dict(work.database.conninfo).get("host") or "")
    if not (host in LOCAL or host.startswith("/")):
        return
    row = work.site.connection.execute(
        "select case when pg_has_role('pg_read_all_settings', 'usage')"
        " then current_setting('data_directory') end"
    ).fetchone()
    directory = Path(str(row[0])) if row and row[0] else None
    if directory is None or not directory.is_dir():
        return
    free_bytes = shutil.disk_usage(directory).free
    if free_bytes < needed_bytes + ROOM_BESIDE_BYTES:
        yield (
            f"the server has {free_bytes / 1e6:,.0f} MB free, a second database needs"
            f" {needed_bytes / 1e6:,.0f} MB"
        )


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
