"""Real writers in another time zone, on a server that keeps commit timestamps."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from gonogo.criteria import load
from gonogo.measure.surveys import Table, naive
from gonogo.measure.surveys import load as load_survey
from gonogo.measure.written import write_order
from gonogo.model.measurement import Measurement, Window
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners, Session
from gonogo.postgres.snapshot import in_snapshot
from gonogo.sandbox.server import EmbeddedServer

CHECKS = Path(__file__).parents[3] / "checks"
METRIC = load(CHECKS / "criteria.toml", CHECKS / "sql").metrics["db.write_order"]
STREAMS = ("sync_metrics", "webhook_notifications")
FIVE_HOURS_S = 5 * 3600


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that keeps commit timestamps, with the two streams."""
    directory = tmp_path_factory.mktemp("keeping")
    settings = {"track_commit_timestamp": "on"}
    with EmbeddedServer.start(directory, settings=settings) as server:
        conninfo = server.conninfo()
        with psycopg.connect(conninfo) as connection:
            for stream in STREAMS:
                connection.execute(
                    f"create table {stream} (created_at timestamp default now())".encode()
                )
        yield conninfo


def write(conninfo: str, zone: str, *, times: int) -> None:
    """Let writers whose sessions have this time zone write, each row in its own transaction."""
    with psycopg.connect(conninfo, autocommit=True, options=f"-c timezone={zone}") as connection:
        for number in range(times):
            stream = STREAMS[number % 2]
            connection.execute(f"insert into {stream} default values".encode())


def measured(conninfo: str) -> Measurement:
    """What the shipped survey brings, measured now."""
    end = datetime.now(UTC)
    survey = load_survey(CHECKS / "sql", "written")

    def read(session: Session) -> Measurement:
        rows = session.ask(survey.query, {"as_of": naive(end)})
        window = Window(timedelta(hours=48), end - timedelta(hours=48), end)
        return write_order(METRIC, {"written": Table(tuple(rows))}, window)

    return in_snapshot(DatabaseSettings(conninfo, "the test"), Manners(), read)


def test_commit_timestamps_show_that_all_writers_live_in_the_west(
    keeping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five hours, to the second; a delay that lasts for half an hour lasts a moment here."""
    monkeypatch.setattr("gonogo.measure.written.STEADY", timedelta())
    write(keeping, "UTC", times=80)
    assert measured(keeping).value == 0
    write(keeping, "Etc/GMT+5", times=80)
    found = measured(keeping)
    assert found.value is not None
    assert abs(float(found.value) - FIVE_HOURS_S) < 2
    assert [(note.subject, note.number) for note in found.notes] == [(name, 40) for name in STREAMS]
