"""The gate where nothing is set as at home: its numbers, reasons and verdict are the same."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from abroad import KIND, SETTINGS, emigrate, germany, settle
from gate_process import GateOutcome, Soaked, soak_end
from gonogo.errors import DatabaseError
from gonogo.model.kinds import VerdictKind
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import connect
from gonogo.sandbox.databases import Databases
from saying import why

Judged = Callable[..., Any]
Gate = Callable[..., GateOutcome]
Build = Callable[[str], None]
STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")


def test_no_setting_of_the_database_changes_a_number(judged: Judged, soaked: Soaked) -> None:
    """Formats, encodings, isolation, the order of schemas: what was measured is what it was."""
    verdict, at_home = judged(soaked.conninfo, soaked.end)
    settle(soaked.conninfo)
    with psycopg.connect(soaked.conninfo) as connection:
        shown = {name: connection.execute(f"show {name}".encode()).fetchone() for name in SETTINGS}
    assert shown == {name: (value,) for name, value in SETTINGS.items()}
    same, abroad = judged(soaked.conninfo, soaked.end)
    assert same == verdict
    assert abroad.findings == at_home.findings
    assert abroad.measurements == at_home.measurements
    assert verdict.kind is VerdictKind.GO, verdict.reasons


def test_a_search_path_that_leads_nowhere_is_never_go(judged: Judged, soaked: Soaked) -> None:
    """No table is found, and every check that needs one says so."""
    settle(soaked.conninfo, search_path="nowhere")
    verdict, observation = judged(soaked.conninfo, soaked.end)
    assert verdict.kind not in {VerdictKind.GO, VerdictKind.ROLLBACK}
    assert "a table is missing" in why(observation.findings["criterion:sync.success_rate"])


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory, postgres15: Path) -> Iterator[Databases]:
    """A server in Germany."""
    with germany(tmp_path_factory.mktemp("germany"), postgres15) as databases:
        yield databases


@pytest.fixture
def emigrant(
    abroad: Databases, old_database: str, tmp_path: Path
) -> Iterator[tuple[Soaked, Soaked]]:
    """The same 48 healthy hours, at home and in Germany."""
    conninfo = emigrate(old_database, abroad, "app", KIND, tmp_path)
    settle(conninfo, timezone="UTC")
    end = soak_end(old_database)
    yield Soaked(old_database, end), Soaked(conninfo, end)
    abroad.drop("app")


def timeless(told: Mapping[str, Any]) -> dict[str, Any]:
    """What depends neither on when it was asked nor on the order in which rows were restored."""
    others = ("db.clock_skew", "db.write_order")
    return {name: one for name, one in told.items() if not name.endswith(others)}


@pytest.mark.slow
@pytest.mark.postgres15
@pytest.mark.locales
def test_a_server_that_speaks_german_is_judged_as_one_that_speaks_english(
    judged: Judged, gate: Gate, emigrant: tuple[Soaked, Soaked]
) -> None:
    """In LATIN1, sorted as Germans sort: the same measurements, findings, verdict and record."""
    here, there = emigrant
    with psycopg.connect(there.conninfo) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable, match="existiert nicht"):
            connection.execute("select from nothing")
        connection.rollback()
        asked = "select datcollate from pg_database where datname = current_database()"
        assert connection.execute(asked).fetchone() == ("de_DE.iso88591",)
    verdict, at_home = judged(here.conninfo, here.end)
    same, abroad = judged(there.conninfo, there.end)
    assert same.kind == verdict.kind
    assert timeless(abroad.measurements) == timeless(at_home.measurements)
    assert timeless(abroad.findings) == timeless(at_home.findings)
    told = gate(there.conninfo, *STAGING)
    assert told.code == 0, told.output
    assert "Verbindungsabbr\u00fcche" in (told.records[-1] / "record.json").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.postgres15
@pytest.mark.locales
def test_a_fault_is_known_by_its_code_in_any_language(
    judged: Judged, emigrant: tuple[Soaked, Soaked]
) -> None:
    """What is missing, closed or locked there leaves open what it does at home."""
    _, there = emigrant
    with psycopg.connect(there.conninfo, autocommit=True) as connection:
        connection.execute("drop table webhook_notifications")
        connection.execute("create role reader login")
        connection.execute("grant select on all tables in schema public, gonogo to reader")
        connection.execute("grant usage on schema gonogo to reader")
        connection.execute("revoke select on token_health from reader")
    with psycopg.connect(there.conninfo) as connection:
        connection.execute("lock table circuit_breaker_state in access exclusive mode")
        reader = make_conninfo(there.conninfo, user="reader")
        verdict, observation = judged(reader, there.end)
    reasons = {
        name: why(observation.findings[f"alert:{name}"])
        for name in ("webhook.success_rate", "token.unknown", "breaker.stuck")
    }
    assert "a table is missing" in reasons["webhook.success_rate"]
    assert "existiert nicht" in reasons["webhook.success_rate"]
    assert "the role has no right to read it" in reasons["token.unknown"]
    assert "keine Berechtigung" in reasons["token.unknown"]
    assert "a lock was not granted" in reasons["breaker.stuck"]
    assert verdict.kind is VerdictKind.HOLD


@pytest.mark.slow
@pytest.mark.postgres15
@pytest.mark.locales
@pytest.mark.parametrize("wrong", [{"dbname": "nichts"}, {"user": "niemand"}])
def test_a_refusal_is_told_in_the_servers_own_words(
    abroad: Databases, wrong: dict[str, str]
) -> None:
    """In one line, within the time that is given to connecting."""
    conninfo = make_conninfo(abroad.server.conninfo(), **wrong)
    with pytest.raises(DatabaseError, match="existiert nicht") as caught:
        connect(DatabaseSettings(conninfo, "the test"), budget_s=1)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.postgres15
@pytest.mark.locales
def test_a_server_on_berlin_time_leaves_the_verdict_open(
    judged: Judged, emigrant: tuple[Soaked, Soaked]
) -> None:
    """Whoever writes there without a zone of one's own writes an hour or two ahead."""
    _, there = emigrant
    with psycopg.connect(there.conninfo, autocommit=True) as connection:
        connection.execute("alter database app reset timezone")
    verdict, observation = judged(there.conninfo, there.end)
    assert observation.measurements["db.time_zone"].value == 1
    assert verdict.kind is VerdictKind.HOLD
