"""What a record tells of the soak so far: earlier records, silent hours, the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import psycopg
from psycopg.conninfo import make_conninfo

from gate_process import GateOutcome, Soaked

Gate = Callable[..., GateOutcome]
STAGING = ("--environment=staging", "--without=endpoints")
HOSTILE = "<script>calendar</script>"
EVENTS = """
insert into gonogo.incident (title, kind, opened_at, closed_at, void)
select %(title)s, 'critical', finished_at + interval '1 h', finished_at + interval '2 h', true
from gonogo.deployment;"""
ATTEMPT = """
insert into gonogo.migration_attempt (deployment_id, version, started_at, finished_at, outcome,
    sqlstate, error)
select id, '041', started_at - interval '1 h', started_at - interval '1 h', 'failed', '42601',
    'syntax error at or near "bigit"'
from gonogo.deployment"""


def test_earlier_records_of_the_soak_are_its_continuity(gate: Gate, soaked: Soaked) -> None:
    """A look after 90 minutes counts for hour 1; what nobody looked at is missing, and said so."""
    begun = soaked.end - timedelta(hours=48)
    gate(soaked.conninfo, *STAGING, f"--as-of={(begun + timedelta(minutes=90)).isoformat()}")
    told = gate(soaked.conninfo, *STAGING, f"--as-of={soaked.end.isoformat()}")
    soak = told.document["soak"]
    assert [(mark["name"], mark["state"]) for mark in soak["marks"]] == [
        ("hour 1", "present"),
        ("hour 4", "missing"),
        ("hour 8", "missing"),
        ("hour 12", "missing"),
        ("hour 24", "missing"),
        ("day 2", "present"),
    ]
    assert soak["marks"][0]["record"] == told.records[0].name
    assert soak["marks"][-1]["record"] is None  # this one
    assert soak["hours"] == 48
    assert soak["silent"] == []


def test_two_databases_in_one_archive_never_mix(
    gate: Gate, soaked: Soaked, new_database: Callable[..., str], soaked_template: str
) -> None:
    """Both were deployed to at the same moment: each has its own looks, and its own number."""
    begun, other = soaked.end - timedelta(hours=48), new_database(soaked_template)
    gate(other, *STAGING, f"--as-of={(begun + timedelta(minutes=90)).isoformat()}")
    told = gate(soaked.conninfo, *STAGING, f"--as-of={soaked.end.isoformat()}")
    assert told.document["gates"] == 1
    assert [mark["record"] for mark in told.document["soak"]["marks"] if mark["record"]] == []
    assert told.document["previous"]["record"] == told.records[0].name
    told = gate(other, *STAGING, f"--as-of={soaked.end.isoformat()}")
    assert told.document["gates"] == 2
    assert told.document["soak"]["marks"][0]["record"] == told.records[0].name


NAMELESS = """
do $$ begin
    create role gonogo_nameless login;
exception when duplicate_object then null;
end $$;
grant pg_read_all_data to gonogo_nameless;
revoke execute on function pg_control_system() from public"""


def test_where_the_role_may_not_identify_the_server_its_address_does(
    gate: Gate, soaked: Soaked
) -> None:
    """Each look is counted, and each record says on what that rests."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(NAMELESS)
    nameless = make_conninfo(soaked.conninfo, user="gonogo_nameless")
    gate(nameless, *STAGING, f"--as-of={soaked.end.isoformat()}")
    told = gate(nameless, *STAGING, f"--as-of={soaked.end.isoformat()}")
    assert told.document["provenance"]["database"], told.output
    assert told.document["provenance"]["database"]["system_identifier"] == ""
    assert told.document["gates"] == 2
    assert "The role may not read which server this is" in " ".join(told.output.split())


def test_the_ledgers_events_are_the_timeline(gate: Gate, soaked: Soaked) -> None:
    """Deployment, failed migration and incident, oldest first, whatever a title holds."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(EVENTS, {"title": HOSTILE})
        connection.execute(ATTEMPT)
    told = gate(soaked.conninfo, *STAGING, f"--as-of={soaked.end.isoformat()}")
    events = told.document["timeline"]
    assert [event["kind"] for event in events] == [
        "migration-failed",
        "deployed",
        "incident",
        "closed",
    ]
    assert events[0]["title"] == "Migration 041 (SQLSTATE 42601)"
    assert events[2]["title"] == HOSTILE
    assert "void" in events[3]["note"]
