"""What a running version uses of a schema by name, and what a migration takes from it.

Two looks at PostgreSQL's catalog are compared: a name that is gone, a type that holds less, a
column that whoever inserts must fill from now on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gonogo.postgres.session import Connection

# What lies within a partition is reached through its parent.
SURFACE = """
select case c.relkind when 'v' then 'view' when 'm' then 'materialized view'
        when 'S' then 'sequence' else 'table' end as kind,
    n.nspname, c.relname, coalesce(a.attname, '') as part, c.oid::bigint, coalesce(a.attnum, 0),
    coalesce(format_type(a.atttypid, a.atttypmod), ''),
    coalesce(
        c.relkind in ('r', 'p') and a.attnotnull and not a.atthasdef
        and a.attidentity = '' and a.attgenerated = '', false
    )
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
left join pg_attribute as a
    on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and c.relkind <> 'S'
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and not c.relispartition and {theirs}
union all
select 'type', n.nspname, t.typname, '', t.oid::bigint, 0, '', false
from pg_type as t
join pg_namespace as n on n.oid = t.typnamespace
where t.typtype in ('e', 'd') and {theirs}
union all
select 'type', n.nspname, t.typname, e.enumlabel, t.oid::bigint, e.oid::bigint, '', false
from pg_enum as e
join pg_type as t on t.oid = e.enumtypid
join pg_namespace as n on n.oid = t.typnamespace
where {theirs}
union all
select 'function', n.nspname, p.proname || '()', '', min(p.oid::bigint), 0, '', false
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
where p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype) and {theirs}
group by n.nspname, p.proname"""
THEIRS = "n.nspname !~ '^(pg_|gonogo)' and n.nspname <> 'information_schema'"
# Each type, and those that hold every value of it.
WIDER = {
    "smallint": {"integer", "bigint", "numeric"},
    "integer": {"bigint", "numeric"},
    "bigint": {"numeric"},
    "real": {"double precision"},
    "character": {"character varying", "text"},
    "character varying": {"text"},
    "text": {"character varying"},
    "cidr": {"inet"},
}
# Their first number is of all digits, their second of those behind the point.
SCALED = "numeric"
TYPE = re.compile(r"(?P<name>[^(]*)(?:\((?P<sizes>[0-9, -]+)\))?(?P<rest>.*)")

# A schema, a relation, type or function, and a column or label of it, which may be empty.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Name:
    """Something that a program may use by name.

    Args:
        kind: table, view, sequence, type or function.
        oid: Of the whole.
        number: Of the part: a column or label.
        type: A column's type.
        is_demanded: Whether an insert must fill the column: NOT NULL, and no default.
    """

    kind: str
    oid: int
    number: int
    type: str
    is_demanded: bool


Surface = Mapping[Key, Name]


def surface(connection: Connection) -> Surface:
    """What the schema offers now."""
    rows = connection.execute(SURFACE.format(theirs=THEIRS).encode())
    found = {
        (schema, name, part): Name(kind, oid, number, type_, demanded)
        for kind, schema, name, part, oid, number, type_, demanded in rows
    }
    # The whole is there too, whatever its parts.
    wholes = {(schema, name, ""): one for (schema, name, _), one in found.items()}
    return wholes | found


def broken(before: Surface, now: Surface) -> dict[Key, str]:
    """What a program that uses `before` would miss in `now`, each as the end of a sentence."""
    return {key: text for key, text in _missed(before, now) if text}


def _missed(before: Surface, now: Surface) -> Iterator[tuple[Key, str]]:
    places = {(one.oid, one.number): key for key, one in now.items()}
    wholes = {one.oid: key for key, one in now.items()}
    for key, was in before.items():
        schema, name, part = key
        if not part:
            if (schema, name, "") not in now:
                yield key, _gone(was, key, wholes.get(was.oid))
        elif (schema, name, "") in now:
            yield key, _changed(was, key, now.get(key), places.get((was.oid, was.number)))
    for key, one in now.items():
        schema, name, part = key
        if part and one.is_demanded and key not in before and (schema, name, "") in before:
            yield key, f"adds {name}.{part}, which is NOT NULL and has no default"


def _gone(was: Name, key: Key, moved: Key | None) -> str:
    what = f"the {was.kind} {key[1]}"
    if moved is None:
        return f"drops {what}"
    if moved[1] == key[1]:
        return f"moves {what} to the schema {moved[0]}"
    return f"renames {what} to {moved[1]}"


def _changed(was: Name, key: Key, now: Name | None, moved: Key | None) -> str:
    _, name, part = key
    what = f"the value {part} of {name}" if was.kind == "type" else f"{name}.{part}"
    if now is None:
        return f"renames {what} to {moved[2]}" if moved and moved[2] else f"drops {what}"
    if narrows(was.type, now.type):
        return f"changes {what} from {was.type} to {now.type}"
    if now.is_demanded and not was.is_demanded:
        return f"makes {what} NOT NULL, and it has no default"
    return ""


def narrows(old: str, new: str) -> bool:
    """Whether a type may not hold what another holds.

    Args:
        old: The other, as PostgreSQL's ``format_type`` writes it.
        new: The type.
    """
    if old == new:
        return False
    was, now = TYPE.fullmatch(old), TYPE.fullmatch(new)
    if was is None or now is None:
        return True
    old_name, new_name = was["name"] + was["rest"], now["name"] + now["rest"]
    if new_name != old_name and new_name not in WIDER.get(old_name, ()):
        return True
    if now["sizes"] is None:
        return False
    if was["sizes"] is None or new_name != old_name:
        return True
    sizes = zip(_sizes(was), _sizes(now), strict=False)
    return any(new_size < old_size for old_size, new_size in sizes)


def _sizes(type_: re.Match[str]) -> tuple[int, ...]:
    sizes = tuple(map(int, type_["sizes"].split(",")))
    return (sizes[0] - sizes[1], sizes[1]) if type_["name"] == SCALED else sizes
