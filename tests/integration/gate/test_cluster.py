"""A cluster's coordinator, whose snapshot does not span its workers.

There is no Citus here. What a gate sees of it stands in its place: the extension's name in the
catalog, and a cube that reads rows of another database by dblink: each query sees what is committed
there by then, as a worker's answer does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from gate_process import GateOutcome, Soaked
from gonogo.model.kinds import Why

Gate = Callable[..., GateOutcome]
STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")
# The worker's side: whoever reads late_rows() finds one row more, of three hours before the end.
WORKER = """
create table shard as table sync_metrics;
create function late_rows() returns setof shard language sql as $$
    insert into shard
    select s.* from shard as s where s.created_at < %(end)s::timestamp - interval '3 hours' limit 1;
    select * from shard;
$$"""
COORDINATOR = """
create extension dblink;
set allow_system_table_mods = on;
insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
select 99999, 'citus', 10, 'public'::regnamespace, false, '13.0';
create view syncs_of_workers as
select far.* from dblink('{worker}', 'select {columns} from {rows}') as far ({typed})"""
COLUMNS = """
select string_agg(quote_ident(attname), ', ' order by attnum),
    string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
from pg_attribute where attrelid = 'sync_metrics'::regclass and attnum > 0 and not attisdropped"""


@pytest.fixture
def distributed(
    checkout: Path, soaked: Soaked, new_database: Callable[..., str], soaked_template: str
) -> Callable[[str], None]:
    """Let the cube count the syncs of a worker: ``distributed("late_rows()")``."""
    cube = checkout / "checks" / "sql" / "sync_cube.sql"
    text = cube.read_text("utf-8")
    cube.write_text(text.replace("from sync_metrics", "from syncs_of_workers"), "utf-8")

    def distribute(rows: str) -> None:
        worker = new_database(soaked_template)
        end = soaked.end.replace(tzinfo=None).isoformat()
        reach = {name: value for name, value in conninfo_to_dict(worker).items() if value}
        way = " ".join(f"{name}={value}" for name, value in reach.items())
        with psycopg.connect(worker) as connection:
            connection.execute(WORKER.replace("%(end)s", f"'{end}'").encode())
        with psycopg.connect(soaked.conninfo) as connection:
            columns, typed = connection.execute(COLUMNS).fetchone() or ("", "")
            filled = COORDINATOR.format(worker=way, columns=columns, rows=rows, typed=typed)
            connection.execute(filled.encode())

    return distribute


def test_closed_hours_that_change_between_two_reads_hold(
    gate: Gate, soaked: Soaked, distributed: Callable[[str], None]
) -> None:
    """All else is healthy; the figures stand, and the record says which may not."""
    distributed("late_rows()")
    told = gate(soaked.conninfo, *STAGING, f"--as-of={soaked.end.isoformat()}")
    assert told.record.verdict
    moved = [one for one in told.record.verdict.reasons if one.why is Why.HOURS_MOVED]
    assert (told.code, [one.subject for one in moved]) == (10, ["sync_cube"]), told.output
    assert told.record.measurements["sync.success_rate"].count
    assert "no snapshot spans its workers" in " ".join(told.output.split())


def test_a_cluster_whose_closed_hours_stay_is_judged_as_any_server(
    gate: Gate, soaked: Soaked, distributed: Callable[[str], None]
) -> None:
    """The record says that no snapshot spans the workers."""
    distributed("shard")
    told = gate(soaked.conninfo, *STAGING, f"--as-of={soaked.end.isoformat()}")
    assert told.code == 0, told.output
    assert told.record.provenance
    assert told.record.provenance.database
    assert told.record.provenance.database.cluster
    assert "no snapshot spans its workers" in " ".join(told.output.split())
