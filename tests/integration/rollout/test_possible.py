"""Whether a restore is possible is said before it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, connect
from gonogo.rollout.restore.possible import obstacles


@pytest.fixture
def plain(new_database: Callable[..., str]) -> Iterator[tuple[str, Connection]]:
    """A superuser's conninfo of a database, and a connection of a role with few rights."""
    conninfo = new_database()
    with connect(conninfo) as link:
        role = f"plain_{link.info.dbname[-8:]}"
        link.execute(f"create role {role} login createdb".encode())
        link.execute(f"alter database {link.info.dbname} owner to {role}".encode())
        with connect(make_conninfo(conninfo, user=role)) as weak:
            yield conninfo, weak
        link.execute(f"reassign owned by {role} to postgres; drop owned by {role}".encode())
        link.execute(f"alter database {link.info.dbname} owner to postgres".encode())
        link.execute(f"drop role {role}".encode())


def found(conninfo: str, connection: Connection) -> str:
    """What stands in the way, without the sessions of others, which the tests have themselves."""
    database = DatabaseSettings(conninfo, "test")
    said = obstacles(connection, database, 1)
    return "\n".join(one for one in said if "sessions of other roles" not in one)


def test_nothing_stands_in_the_way_of_the_owner(plain: tuple[str, Connection]) -> None:
    """CREATEDB and ownership are enough."""
    assert found(*plain) == ""


def test_a_function_of_another_role_stands_in_the_way(plain: tuple[str, Connection]) -> None:
    """pg_restore would have to give it to a role that this one is no member of."""
    conninfo, weak = plain
    with psycopg.connect(conninfo) as link:
        link.execute("create function theirs() returns int language sql as 'select 1'")
    assert found(conninfo, weak) == f"{weak.info.user} does not own public.theirs()"


def test_a_setting_that_superusers_set_needs_a_grant(plain: tuple[str, Connection]) -> None:
    """The line names the grant, and with it nothing stands in the way."""
    conninfo, weak = plain
    grant = "grant set on parameter log_min_duration_statement to"
    with psycopg.connect(conninfo, autocommit=True) as link:
        link.execute(
            f"alter database {link.info.dbname} set log_min_duration_statement = 99".encode()
        )
        assert "(grant set on parameter log_min_duration_statement)" in found(conninfo, weak)
        link.execute(f"{grant} {weak.info.user}".encode())
    assert found(conninfo, weak) == ""


def test_a_cluster_is_refused_with_what_to_do_instead(new_database: Callable[..., str]) -> None:
    """The workers hold rows that a dump of the coordinator does not restore."""
    conninfo = new_database()
    with connect(conninfo) as link:
        # Nothing but the entry by which a coordinator is known.
        link.execute("set allow_system_table_mods = on")
        link.execute(
            "insert into pg_extension select 99999, 'citus', 10, 11, true, '13', null, null"
        )
        said = found(conninfo, link)
    assert "coordinator of a Citus cluster" in said
    assert "roll back by revert" in said
