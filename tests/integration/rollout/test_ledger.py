"""The ledger remembers what was done, whatever becomes of the one who did it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gonogo.errors import DatabaseError, StepError, UsageError
from gonogo.ledger import history
from gonogo.ledger.installation import install, version
from gonogo.ledger.ledger import Ledger
from gonogo.postgres import session
from gonogo.postgres.session import Connection, application_schema

Deploy = Callable[[], int]


def test_installing_it_again_touches_nothing(connection: Connection) -> None:
    """The second run writes no row of the catalogue."""
    tables = "select array_agg(xmin::text order by oid) from pg_class where relnamespace = 'gonogo'"
    query = f"{tables}::regnamespace".encode()
    before = connection.execute(query).fetchone()
    install(connection)
    assert connection.execute(query).fetchone() == before
    assert version(connection) == 4


def test_a_ledger_from_the_future_is_refused(connection: Connection) -> None:
    """An older gonogo would not know what its columns mean."""
    connection.execute("insert into gonogo.ledger_version (version) values (99)")
    with pytest.raises(DatabaseError, match="version 99"):
        install(connection)


def test_a_database_without_a_ledger_has_version_0(empty_database: str) -> None:
    """Asking does not need it."""
    with session.connect(empty_database) as connection:
        assert version(connection) == 0


def test_an_environment_is_said_once_and_for_all(ledger: Ledger) -> None:
    """Saying the same again is fine; another name, or making it simulated, is refused."""
    assert ledger.environment() is None
    ledger.mark_environment("staging", simulated=True)
    assert ledger.mark_environment("staging", simulated=True).simulated
    with pytest.raises(UsageError, match="as simulated staging, not as production"):
        ledger.mark_environment("production")
    with pytest.raises(UsageError, match="not as staging"):
        ledger.mark_environment("staging")


def test_a_deployment_has_a_life(ledger: Ledger, deploy: Deploy) -> None:
    """It runs, succeeds, and may be rolled back; the newest is the latest."""
    deploy()
    deployment = deploy()
    latest = ledger.latest_deployment("staging")
    assert latest is not None
    assert (latest.id, latest.outcome, latest.finished_at) == (deployment, "running", None)
    ledger.set_schema_before(deployment, "f1")
    ledger.set_schema_before(deployment, "f2")
    ledger.finish_deployment(deployment, "succeeded")
    ledger.roll_back_deployment(deployment, "revert", "sync is down")
    after = ledger.deployment(deployment)
    assert after is not None
    assert after.finished_at is not None
    assert (after.outcome, after.schema_before) == ("rolled_back", "f1")
    assert (after.rollback_mode, after.rollback_reason) == ("revert", "sync is down")
    assert ledger.latest_deployment("production") is None
    assert len(ledger.deployments()) == 2


def test_a_step_is_recorded_before_it_runs_and_after(ledger: Ledger, deploy: Deploy) -> None:
    """A killed run leaves the row that says where it was."""
    deployment = deploy()
    with ledger.step(deployment, "deploy", "backup") as step:
        assert ledger.steps(deployment)[0].outcome == "running"
        step.evidence["rows"] = 20
    with ledger.step(deployment, "deploy", "build") as step:
        step.skipped = True
    done = ledger.steps(deployment, "deploy")
    assert [row.outcome for row in done] == ["succeeded", "skipped"]
    assert done[0].evidence == {"rows": 20}
    assert ledger.steps(deployment, "rollback") == ()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (StepError("it broke", "mend it", step="build"), "build: it broke; mend it"),
        (KeyboardInterrupt(), "KeyboardInterrupt: KeyboardInterrupt"),
        (ValueError("first\nsecond"), "ValueError: first"),
    ],
)
def test_a_failing_step_is_recorded_and_its_error_passed_on(
    ledger: Ledger, deploy: Deploy, error: BaseException, text: str
) -> None:
    """What it had proved by then is kept too."""
    deployment = deploy()

    def build() -> None:
        with ledger.step(deployment, "deploy", "build") as step:
            step.evidence["exit_code"] = 2
            raise error

    with pytest.raises(type(error)):
        build()
    row = ledger.steps(deployment)[0]
    assert (row.outcome, row.error, row.evidence) == ("failed", text, {"exit_code": 2})


def test_a_lost_ledger_does_not_hide_the_steps_error(
    connection: Connection, deploy: Deploy
) -> None:
    """The error that is on its way says more."""

    def build() -> None:
        with Ledger(connection).step(deploy(), "deploy", "build"):
            connection.close()
            raise StepError("it broke")

    with pytest.raises(StepError, match="it broke"):
        build()


def test_a_backup_is_verified_after_it_was_made(ledger: Ledger, deploy: Deploy) -> None:
    """Until then it says that it is not."""
    deployment = deploy()
    backup = ledger.record_backup(deployment, Path("/b/x.dump"), 1, "sha", "pg_dump 18")
    assert ledger.backups()[0].verified_by is None
    ledger.verify_backup(backup, "restore")
    assert ledger.backups(deployment)[0].verified_by == "restore"
    assert ledger.backups(deployment + 1) == ()


def test_incidents_are_opened_closed_and_voided(connection: Connection) -> None:
    """Only an open one can be closed."""
    first = history.open_incident(connection, " sync is down ", "ada")
    second = history.open_incident(connection, "a user asks", "bob", "complaint")
    history.close_incident(connection, first, "eve", void=True)
    found = history.incidents(connection)
    assert [(one.id, one.title, one.opened_by, one.closed_by, one.void) for one in found] == [
        (second, "a user asks", "bob", None, False),
        (first, "sync is down", "ada", "eve", True),
    ]
    assert [one.id for one in history.incidents(connection, only_open=True)] == [second]
    with pytest.raises(UsageError, match="no open incident"):
        history.close_incident(connection, first, "eve")


@pytest.mark.parametrize(("title", "kind"), [(" ", "critical"), ("x", "catastrophe")])
def test_an_incident_that_cannot_be_meant_is_refused(
    connection: Connection, title: str, kind: str
) -> None:
    """It needs a title and one of two kinds."""
    with pytest.raises(UsageError):
        history.open_incident(connection, title, "ada", kind)


def test_a_closed_incident_can_be_voided(connection: Connection) -> None:
    """It stays closed at its moment, and counts no more; a second time there is none to void."""
    number = history.open_incident(connection, "sync is down", "ada")
    history.close_incident(connection, number, "ada")
    (closed,) = history.incidents(connection)
    assert (closed.closed_by, closed.voided_by) == ("ada", None)
    history.close_incident(connection, number, "eve", void=True)
    (void,) = history.incidents(connection)
    assert (void.void, void.closed_at) == (True, closed.closed_at)
    assert (void.closed_by, void.voided_by) == ("ada", "eve")
    with pytest.raises(UsageError, match=f"no incident {number} that counts"):
        history.close_incident(connection, number, "eve", void=True)


def test_a_ledger_before_version_3_closes_without_a_name(connection: Connection) -> None:
    """It has no column for who closed it, and nobody need deploy first."""
    with connection.transaction(force_rollback=True):
        connection.execute("alter table gonogo.incident drop closed_by, drop voided_by")
        connection.execute("delete from gonogo.ledger_version where version >= 3")
        number = history.open_incident(connection, "sync is down", "ada")
        history.close_incident(connection, number, "eve")
        (closed,) = history.incidents(connection)
        assert closed.closed_at
        assert closed.closed_by is None


def test_a_database_out_of_reach_is_one_line_without_the_password() -> None:
    """Nor does the message show the connection string."""
    with pytest.raises(DatabaseError, match="does not answer") as caught:
        session.connect("host=/nowhere dbname=x password=hunter2")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_connection_is_pinned_to_utc(conninfo: str) -> None:
    """Whatever the database's own setting, timestamps without a zone are written in UTC."""
    with session.connect(conninfo) as connection:
        name = connection.info.dbname
        connection.execute(f"alter database {name} set timezone = 'Asia/Tokyo'".encode())
    with session.connect(conninfo) as connection:
        assert connection.execute("show timezone").fetchone() == ("UTC",)


def test_a_database_without_the_application_is_refused(empty_database: str) -> None:
    """No schema of the search path holds users."""
    with (
        session.connect(empty_database) as connection,
        pytest.raises(DatabaseError, match="holds the table users"),
    ):
        application_schema(connection, "users")
