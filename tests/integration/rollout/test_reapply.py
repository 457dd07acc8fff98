"""What lies aside goes back into the tables of a new deployment: once, never over newer rows."""

from __future__ import annotations

import pytest

from gonogo.errors import UsageError
from gonogo.rollout.migrations.reapply import Reapplied, reapply
from gonogo.rollout.migrations.revert import asides, chosen, revert
from migrated_world import ASIDE, World, quietly

PROMOTED = "select count(*) from users where is_admin"


@pytest.fixture
def again(world: World) -> World:
    """The new version wrote, was rolled back, and is deployed once more."""
    deployment = world.forward(world.migrations)
    world.fill(world.migrations)
    revert(world.connection, world.migrations, deployment, on_event=quietly)
    world.forward(world.migrations)
    return world


def back(world: World) -> dict[str, Reapplied]:
    """Copy back what lies aside."""
    told = reapply(world.connection, chosen(world.connection, None), "public")
    return {one.table: one for one in told}


def test_everything_goes_back(again: World) -> None:
    """Whole tables, and the columns that were copied; each row is counted."""
    told = back(again)
    lying = {name: count for one in ASIDE.values() for name, count in one.items()}
    assert {name: one.applied for name, one in told.items()} == lying
    assert all(one.applied == one.rows for one in told.values())
    assert again.connection.execute(PROMOTED).fetchone() == (1,)
    query = "select count(*) from sync_schedule where onboarding_until is not null"
    assert again.connection.execute(query).fetchone() == (20,)


def test_a_second_time_changes_nothing(again: World) -> None:
    """All of it is found there; what lies aside stays there until it is dropped."""
    back(again)
    told = back(again)
    assert all((one.applied, one.there) == (0, one.rows) for one in told.values())
    assert sum(asides(again.connection)[0].rows.values()) == sum(o.rows for o in told.values())


def test_newer_rows_win(again: World) -> None:
    """A row whose key exists, and a value that is no default any more, are left and counted."""
    connection = again.connection
    connection.execute(
        "insert into token_health (user_id, integration_type, status)"
        " select id, 'google_contacts', 'expired' from users limit 3"
    )
    connection.execute("update users set admin_promoted_by = 'newer' where email like '%-1@%'")
    told = back(again)
    assert (told["token_health"].applied, told["token_health"].conflicts) == (17, 3)
    assert (told["users_038"].applied, told["users_038"].conflicts) == (0, 1)
    query = "select count(*) from token_health where status = 'expired'"
    assert connection.execute(query).fetchone() == (3,)
    assert connection.execute(PROMOTED).fetchone() == (0,)


def test_a_row_whose_parent_stayed_behind_is_counted(again: World) -> None:
    """It would refer to nothing; the others go back."""
    again.connection.execute("""
        create table parents (id int primary key);
        insert into parents values (1);
        create table gonogo_aside_1.children (id int primary key, of int, lost int);
        insert into gonogo_aside_1.children values (1, 1), (2, 2), (3, null);
        create table children (id serial primary key, of int references parents (id), more int);
    """)
    one = back(again)["children"]
    assert (one.applied, one.orphans, one.lost_columns) == (2, 1, ("lost",))
    assert again.connection.execute("select nextval('children_id_seq')").fetchone() == (4,)


def test_a_table_that_has_no_place_any_more_is_counted(again: World) -> None:
    """Neither it nor the others are lost."""
    again.connection.execute("create table gonogo_aside_1.forgotten as select 1 as id")
    told = back(again)
    assert (told["forgotten"].applied, told["forgotten"].orphans) == (0, 1)
    assert told["token_health"].applied == 20


def test_rows_without_a_key_are_left(again: World) -> None:
    """A second time would double them."""
    again.connection.execute("create table gonogo_aside_1.loose as select 1 as id")
    again.connection.execute("create table loose (id int)")
    assert back(again)["loose"].keyless == 1
    assert again.connection.execute("select count(*) from loose").fetchone() == (0,)


def test_which_aside_is_meant_must_be_said(again: World) -> None:
    """Of several, none is guessed; one that is not there is named with those that are."""
    again.connection.execute("create schema gonogo_aside_7")
    assert [one.deployment_id for one in asides(again.connection)] == [1, 7]
    assert chosen(again.connection, 7).rows == {}
    with pytest.raises(UsageError, match=r"several deployments \(1, 7\); nothing was done"):
        chosen(again.connection, None)
    with pytest.raises(
        UsageError,
        match="from deployment 3; nothing was done; deployments with something aside: 1, 7",
    ):
        chosen(again.connection, 3)


def test_nothing_lies_aside(world: World) -> None:
    """One line says so."""
    with pytest.raises(UsageError, match="nothing lies aside"):
        chosen(world.connection, None)
