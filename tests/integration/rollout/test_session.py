"""Connections of a rollout, against the run's server."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gonogo.postgres import session

DATABASE = "select current_database(), inet_server_port()"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_second_connection_reaches_the_same_server_whatever_libpqs_variables_say(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A port that is the driver's own default and an empty hostaddr stay as they were given."""
    services = tmp_path / "services.conf"
    services.write_text("[elsewhere]\nhostaddr=192.0.2.1\nport=1\ndbname=other\n")
    variables = {
        "PGPORT": "1",
        "PGHOSTADDR": "192.0.2.1",
        "PGDATABASE": "other",
        "PGSERVICE": "elsewhere",
        "PGSERVICEFILE": str(services),
        "PGCONNECT_TIMEOUT": "2",
    }

    def meddle() -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    if moment == "before":
        meddle()
    with session.connect(empty_database) as connection:
        here = connection.execute(DATABASE).fetchone()
        conninfo = session.conninfo_of(connection)
    meddle()
    assert conninfo_to_dict(conninfo)["hostaddr"] == ""
    with session.connect(conninfo) as again:
        assert again.execute(DATABASE).fetchone() == here


def test_a_second_connection_has_the_password_of_the_first(empty_database: str) -> None:
    """What was given as a password is given again, and so are the limits on waiting."""
    text = "it's"
    with session.connect(make_conninfo(empty_database, password=text)) as connection:
        parameters = conninfo_to_dict(session.conninfo_of(connection))
    assert parameters["password"] == text
    assert parameters["keepalives_idle"] == "10"
