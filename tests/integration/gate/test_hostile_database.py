"""Error messages that no decent application writes, in a database that knows no encoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import unescape
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from gate_process import GateOutcome, Soaked, soak, soak_end
from gonogo.model.kinds import EXIT_CODES, VerdictKind
from gonogo.report.answers import top_errors
from gonogo.sandbox.databases import Databases
from record_schema import faults

Gate = Callable[..., GateOutcome]

STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")
MOST_BYTES = 1_000_000
# As bytes: two of them are no UTF-8, whatever follows them.
PLANTED = {
    b"<script>alert(1)</script>": "<script>alert(1)</script>",
    b'"><img src=x onerror=alert(1)>': '"><img src=x onerror=alert(1)>',
    "\u202egnp.exe\u2066".encode(): r"\u202egnp.exe\u2066",
    b"caf\xe9 \xff\xfe": r"caf\udce9 \udcff\udcfe",
    b"x" * 1_000_000: "x" * 200,
}
PLANT = """
insert into sync_metrics (user_id, integration_type, sync_type, result, error_message, created_at)
select user_id, integration_type, sync_type, result, convert_from(%s, 'SQL_ASCII'), created_at
from sync_metrics
where result = 'failure' order by id limit %s"""
KINDS = """
update sync_metrics set error_message = 'kind ' || id || repeat('y', 300)
where result = 'failure'"""
MORE = """
insert into sync_metrics (user_id, integration_type, sync_type, result, error_message, created_at)
select user_id, integration_type, sync_type, 'failure', 'kind ' || n || repeat('z', 300), created_at
from (select * from sync_metrics where result = 'failure' limit 1) as one,
    generate_series(1, 10000) as n"""


@pytest.fixture
def ascii_soaked(
    databases: Databases, build_base: Callable[[str], None], build_migrated: Callable[[str], None]
) -> Iterator[Soaked]:
    """48 healthy hours in a database whose encoding is SQL_ASCII: it takes any bytes."""
    name = f"ascii_{uuid4().hex}"
    with psycopg.connect(databases.server.conninfo(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} encoding 'SQL_ASCII' locale 'C' template template0").format(
                sql.Identifier(name)
            )
        )
    conninfo = databases.server.conninfo(name)
    for build in (build_base, build_migrated, soak):
        build(conninfo)
    yield Soaked(conninfo, soak_end(conninfo))
    databases.drop(name)


@pytest.mark.slow
def test_whatever_bytes_a_database_holds_are_text(gate: Gate, ascii_soaked: Soaked) -> None:
    """Spelt out where they cannot be seen, cut where they have no end; the gate judges as ever."""
    with psycopg.connect(ascii_soaked.conninfo) as connection:
        for place, planted in enumerate(PLANTED):
            connection.execute(PLANT, (planted, 200 - place))
    told = gate(ascii_soaked.conninfo, *STAGING, f"--as-of={ascii_soaked.end.isoformat()}")
    assert told.code == EXIT_CODES[VerdictKind.NO_GO], told.output
    assert faults(told.document) == []
    messages = [error.message for error in top_errors(told.record)]
    html = unescape((told.records[-1] / "record.html").read_text(encoding="utf-8"))
    for planted, shown in PLANTED.items():
        text = planted.decode("utf-8", "surrogateescape")[:1000]
        assert text.encode("utf-8", "backslashreplace").decode() in messages
        assert shown in html
    assert "<script" not in (told.records[-1] / "record.html").read_text(encoding="utf-8")


def test_ten_thousand_kinds_of_errors_are_a_small_record(gate: Gate, soaked: Soaked) -> None:
    """Every file of it stays below 1 MB, and all of them together too."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(KINDS)
        connection.execute(MORE)
    told = gate(soaked.conninfo, *STAGING, f"--as-of={soaked.end.isoformat()}")
    assert len(top_errors(told.record)) > 4
    sizes = {path.name: path.stat().st_size for path in told.records[-1].iterdir()}
    assert sum(sizes.values()) < MOST_BYTES, sizes
