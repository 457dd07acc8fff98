"""Databases are made from templates, each test its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from gonogo.sandbox.databases import Databases


def count(conninfo: str) -> int:
    """How many rows the template's table has."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("select count(*) from things").fetchone()
        assert row is not None
        return int(row[0])


def fill(conninfo: str) -> None:
    """Build a template with two rows."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("create table things as select generate_series(1, 2)")


def test_a_template_is_built_once_however_many_ask(databases: Databases) -> None:
    """Workers that ask at the same time wait for the one who builds."""
    built: list[str] = []

    def build(conninfo: str) -> None:
        built.append(conninfo)
        fill(conninfo)

    name = f"template_{uuid4().hex}"
    with ThreadPoolExecutor(4) as askers:
        names = list(askers.map(lambda _: databases.ensure_template(name, build), range(4)))
    assert names == [name] * 4
    assert len(built) == 1
    databases.drop(name)


def test_copies_of_a_template_do_not_see_each_other(
    databases: Databases, new_database: Callable[..., str]
) -> None:
    """What one test writes is not in the next one's copy, nor in the template."""
    name = databases.ensure_template(f"template_{uuid4().hex}", fill)
    first, second = new_database(name), new_database(name)
    with psycopg.connect(first) as connection:
        connection.execute("insert into things values (3)")
    assert (count(first), count(second), count(new_database(name))) == (3, 2, 2)
    databases.drop(name)


def test_a_builder_that_fails_leaves_no_template(databases: Databases) -> None:
    """The next one who asks builds it anew."""
    name = f"template_{uuid4().hex}"

    def fail(conninfo: str) -> None:
        raise RuntimeError(conninfo)

    with pytest.raises(RuntimeError):
        databases.ensure_template(name, fail)
    databases.ensure_template(name, fill)
    databases.drop(name)


def test_a_database_in_use_is_dropped_all_the_same(databases: Databases) -> None:
    """A client that a test forgot does not keep its database alive."""
    name = f"test_{uuid4().hex}"
    connection = psycopg.connect(databases.create(name))
    databases.drop(name)
    databases.drop(name)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("select 1")


def test_an_empty_database_is_empty(empty_database: str) -> None:
    """No table of anybody's is in it."""
    with psycopg.connect(empty_database) as connection:
        found = connection.execute("select from pg_tables where schemaname = 'public'").fetchall()
    assert found == []
