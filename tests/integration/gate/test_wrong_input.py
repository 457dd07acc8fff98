"""What users get wrong: one clear line, exit code 4, no traceback, nothing written."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from gate_process import GateOutcome, hurry

Gate = Callable[..., GateOutcome]

MISTAKES = {
    "a window without a unit": (["--window=48"], "--window='48' is no length of time"),
    "a window of nothing": (["--window=0h"], "--window='0h' is no length of time"),
    "a moment that is none": (["--as-of=yesterday"], "--as-of='yesterday' is no ISO 8601 moment"),
    "an unknown environment": (["--environment=prod"], "'prod' is not an environment"),
    "an unknown group": (["--without=weather"], "--without=weather: there is no such group"),
    "a criteria file that is not there": (["--criteria=nowhere.toml"], "nowhere.toml"),
    "a window that a variable left empty": (["--window="], "--window='' is no length of time"),
    "a moment that a variable left empty": (["--as-of="], "--as-of='' is no ISO 8601 moment"),
    "an empty environment": (["--environment="], "'' is not an environment"),
    "an empty criteria file": (["--criteria="], "--criteria names no file"),
    "an empty file for the copy": (["--json="], "--json names no file"),
    "a soak that begins after its end": (
        ["--deployed-at=9999-01-01T00:00:00Z"],
        "lies after the window's end",
    ),
    "a moment in another century": (["--as-of=9999-12-31T00:00:00Z"], "lies in the future"),
    "no pytest-html": (["-p", "no:html"], "the gate needs pytest-html"),
    "no pytest-metadata": (["-p", "no:metadata"], "the gate needs pytest-html, pytest-metadata"),
    "no junitxml": (
        ["-p", "no:junitxml"],
        "the gate needs pytest-html, pytest-metadata, junitxml and terminal",
    ),
    "workers": (["-n2"], "checks measure once, in one process"),
    "workers by their address": (
        ["--dist=load", "--tx=2*popen"],
        "checks measure once, in one process",
    ),
}


@pytest.mark.parametrize(("options", "line"), MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_option_is_told_in_one_line(
    gate: Gate, migrated_database: str, options: list[str], line: str
) -> None:
    """A wrong option ends with exit code 4 and one line that names it; no record is left."""
    told = gate(migrated_database, "--environment=staging", *options)
    assert told.code == 4, told.output
    assert line in told.output
    assert "Traceback" not in told.output
    assert not told.records


def test_a_misspelt_check_file_is_told_in_one_line(gate: Gate, migrated_database: str) -> None:
    """Before anything is measured: no record, no verdict."""
    told = gate(migrated_database, "--environment=staging", "checks/test_alarts.py")
    line = "ERROR: there is no checks/test_alarts.py; did you mean test_alerts.py?"
    assert (told.code, told.output.strip()) == (4, line)
    assert not told.records


def test_a_python_that_leaves_assertions_out_is_refused(gate: Gate, migrated_database: str) -> None:
    """No check would be one there."""
    told = gate(migrated_database, "--environment=staging", PYTHONOPTIMIZE="1")
    assert told.code == 4, told.output
    assert "checks are assertions: unset PYTHONOPTIMIZE" in told.output
    assert "Traceback" not in told.output
    assert not told.records


def test_an_environment_that_the_ledger_contradicts_is_refused(
    gate: Gate, migrated_database: str
) -> None:
    """The ledger says staging: measuring it as production is a usage error."""
    told = gate(migrated_database, "--environment=production")
    assert told.code == 4
    assert "the ledger says that this database is staging" in told.output


def test_an_environment_and_node_env_must_agree(gate: Gate, migrated_database: str) -> None:
    """``--environment`` and NODE_ENV that differ are a usage error."""
    told = gate(migrated_database, "--environment=staging", NODE_ENV="production")
    assert told.code == 4
    assert "NODE_ENV is production" in told.output


def test_a_moment_in_the_future_is_refused_unless_simulated(
    gate: Gate, migrated_database: str
) -> None:
    """An as_of ahead of the server's clock is only for a ledger that is marked simulated."""
    with psycopg.connect(migrated_database) as connection:
        connection.execute("update gonogo.environment set simulated = false")
    told = gate(migrated_database, "--as-of=2999-01-01T00:00:00Z")
    assert told.code == 4
    assert "lies in the future of the server's clock" in told.output


def test_no_database_at_all_is_told(gate: Gate) -> None:
    """Without any variable that names a database, the message says which to set."""
    told = gate(None, "--environment=staging")
    assert told.code == 4
    assert "no database is named; set DATABASE_URL" in told.output


def test_a_connection_string_that_is_none_never_shows_itself(gate: Gate) -> None:
    """A malformed DSN may hold a password, so the message does not quote it."""
    told = gate("postgresql://app:hunter2@[broken", "--environment=staging")
    assert told.code == 4
    assert "DATABASE_URL is not a connection string" in told.output
    assert "hunter2" not in told.output


@pytest.mark.slow
def test_a_database_that_does_not_answer_is_hold_and_recorded(
    gate: Gate, checkout: Path, tmp_path: Path
) -> None:
    """A server out of reach makes every check inconclusive: HOLD, exit code 10, and a record."""
    hurry(checkout)
    nowhere = f"host={tmp_path} dbname=none password=hunter2 connect_timeout=1"
    told = gate(nowhere, "--environment=staging")
    assert told.code == 10, told.output
    assert told.document["verdict"]["kind"] == "HOLD"
    assert all(found["outcome"] == "inconclusive" for found in told.document["findings"])
    assert "Traceback" not in told.output
    assert "hunter2" not in told.output + (told.records[-1] / "record.json").read_text()


def test_a_database_without_the_tables_is_hold(gate: Gate, empty_database: str) -> None:
    """Nothing but an empty database is HOLD or worse, and says which tables are missing."""
    told = gate(empty_database, "--environment=staging")
    assert told.code in {1, 10}, told.output
    assert 'relation "sync_metrics" does not exist' in told.output
    assert "Traceback" not in told.output
