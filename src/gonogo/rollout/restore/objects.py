"""Large objects: rows hold only their oids, so they are compared and carried over by themselves.

One that was made, changed or deleted since the backup is carried over as it is in the live
database, with its owner and grants. Contents go in pieces, so that the largest takes little memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from gonogo.postgres.session import Connection, ask_int, first_line
from gonogo.rollout.restore.delta import TableDelta

# How `--damaged` and the counts name them.
LARGE_OBJECTS = "pg_catalog.pg_largeobject"
PIECE_BYTES = 1024**2
# The hash of one that this role may not read is null; 262144 opens for reading.
HASHES = """
select o.oid::bigint, pg_get_userbyid(o.lomowner), o.lomacl::text, (
    select md5(string_agg(md5(lo_get(o.oid, n * %(piece)s, %(piece)s)), '' order by n))
    from generate_series(0, o.size / %(piece)s) as n
), o.readable
from (
    select m.oid, m.lomowner, m.lomacl, r.readable, s.size
    from pg_largeobject_metadata as m
    cross join lateral (select pg_has_role(m.lomowner, 'usage') or exists (
        select from aclexplode(m.lomacl) as a
        where a.privilege_type = 'SELECT' and (a.grantee = 0 or pg_has_role(a.grantee, 'usage'))
    ) as readable offset 0) as r
    left join lateral (
        select lo_lseek64(f.fd, 0, 2) as size, lo_close(f.fd)
        from (select lo_open(m.oid, 262144) as fd where r.readable offset 0) as f
        offset 0
    ) as s on true
    offset 0
) as o"""
UNREADABLE = "the role may not read it"
# Each that is written stays locked until the end; what else is carried needs room as well.
MOST = """
select current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int
    / 4"""
TOO_MANY = (
    "more than {most:,} at once find no room in the server's table of locks: raise"
    " max_locks_per_transaction"
)
PIECE = "select lo_get(%s::oid, %s::bigint, %s::int)"
GRANTS = """
select pg_get_userbyid(m.lomowner), coalesce(nullif(a.grantee, 0)::regrole::text, 'public'),
    a.privilege_type, a.is_grantable and a.grantee <> 0
from pg_largeobject_metadata as m
left join lateral aclexplode(m.lomacl) as a on a.grantee <> m.lomowner
where m.oid = %s::oid"""

_Described = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Objects:
    """What became of the large objects.

    Args:
        since: How many were made, changed and deleted since the backup.
        left: Of those, how many could not be carried over.
        damage: Of those, how many are treated as damage: the backup's stay.
        reason: Why one could not be carried over; empty where all could.
    """

    since: TableDelta
    left: TableDelta
    damage: TableDelta
    reason: str = ""


def carry_objects(live: Connection, restored: Connection, *, damaged: bool) -> Objects:
    """Carry over the large objects that differ.

    Args:
        live: In a transaction, whose snapshot is read.
        restored: In a transaction.
        damaged: Whether what was changed or deleted since is damage; new ones are carried over.
    """
    there, here = _described(live), _described(restored)
    kinds = {oid: _kind(there.get(oid), here.get(oid)) for oid in sorted({*there, *here})}
    unreadable = [oid for oid, one in there.items() if not one[-1]]
    since, left, damage = Counter[str](), Counter[str](), Counter[str]()
    most, reason = ask_int(restored, MOST), ""
    for oid, kind in kinds.items():
        if not kind:
            continue
        since[kind] += 1
        if damaged and kind != "inserted":
            damage[kind] += 1
            continue
        try:
            if oid in unreadable:
                raise psycopg.errors.InsufficientPrivilege(UNREADABLE)
            if since.total() - damage.total() - left.total() > most:
                raise psycopg.NotSupportedError(TOO_MANY.format(most=most))
            with restored.transaction():
                _carry(live, restored, oid, kind)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            left[kind] += 1
            reason = reason or first_line(error)
    return Objects(_delta(since), _delta(left), _delta(damage), reason)


def _delta(counted: Mapping[str, int]) -> TableDelta:
    return TableDelta(LARGE_OBJECTS, counted["inserted"], counted["changed"], counted["deleted"])


def _described(connection: Connection) -> Mapping[int, _Described]:
    rows = connection.execute(HASHES, {"piece": PIECE_BYTES})
    return {int(oid): tuple(rest) for oid, *rest in rows}


def _kind(there: _Described | None, here: _Described | None) -> str:
    if there is None:
        return "deleted"
    if here is None:
        return "inserted"
    return "" if there == here else "changed"


def _carry(live: Connection, restored: Connection, oid: int, kind: str) -> None:
    if kind != "inserted":
        restored.execute("select lo_unlink(%s::oid)", (oid,))
    if kind == "deleted":
        return
    restored.execute("select lo_create(%s::oid)", (oid,))
    at = 0
    while True:
        row = live.execute(PIECE, (oid, at, PIECE_BYTES)).fetchone()
        piece = bytes(row[0]) if row else b""
        if piece:
            restored.execute("select lo_put(%s::oid, %s::bigint, %s)", (oid, at, piece))
        if len(piece) < PIECE_BYTES:
            break
        at += len(piece)
    grants = live.execute(GRANTS, (oid,)).fetchall()
    for _, grantee, privilege, grantable in grants:
        if privilege is not None:
            words = sql.SQL("grant {} on large object {} to {}{}")
            option = sql.SQL(" with grant option" if grantable else "")
            whom = sql.SQL(grantee)
            restored.execute(words.format(sql.SQL(privilege), sql.SQL(str(oid)), whom, option))
    if grants:
        words = sql.SQL("alter large object {} owner to {}")
        restored.execute(words.format(sql.SQL(str(oid)), sql.Identifier(grants[0][0])))
