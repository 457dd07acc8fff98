"""The world before the rollout: the old schema, and the same people every time."""

from collections.abc import Callable

import psycopg
import pytest

from gonogo.sandbox.world import create_base

BASE_TABLES = {
    "audit_logs",
    "calendar_events",
    "contact_groups",
    "contacts",
    "groups",
    "oauth_tokens",
    "user_preferences",
    "users",
}
NEW_TABLES = {
    "calendar_webhook_subscriptions",
    "circuit_breaker_state",
    "sync_metrics",
    "sync_schedule",
    "token_health",
    "token_health_notifications",
    "webhook_notifications",
}


def contents(connection: psycopg.Connection) -> dict[str, tuple[int, int]]:
    """Rows of each table of the application, and the sum of their hashes."""
    tables = connection.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    ).fetchall()
    found = {}
    for (table,) in tables:
        query = f"select count(*), sum(hashtextextended(t::text, 0)::numeric) from {table} as t"
        found[table] = connection.execute(query).fetchone() or (0, 0)
    return found


def test_it_is_the_schema_before_038(base_database: str) -> None:
    """The base tables are there, filled, and nothing of the rollout is."""
    with psycopg.connect(base_database) as connection:
        found = contents(connection)
        columns = connection.execute(
            "select attname from pg_attribute where attrelid = 'users'::regclass and attnum > 0"
        ).fetchall()
    assert set(found) == BASE_TABLES
    assert not set(found) & NEW_TABLES
    assert all(rows > 0 for rows, _ in found.values())
    assert ("is_admin",) not in columns


def test_a_seed_makes_the_same_people(new_database: Callable[..., str]) -> None:
    """The same seed makes the same rows to the last bit; another seed makes others."""
    worlds = []
    for seed in (7, 7, 8):
        with psycopg.connect(new_database()) as connection:
            create_base(connection, users=40, seed=seed)
            worlds.append(contents(connection))
    assert worlds[0] == worlds[1]
    assert worlds[0]["users"] != worlds[2]["users"]
    assert worlds[2]["users"][0] == 40


def test_most_users_connected_google(new_database: Callable[..., str]) -> None:
    """About 94 % of the users have a token, and about seven of ten of those have both."""
    with psycopg.connect(new_database()) as connection:
        create_base(connection, users=2000)
        users = connection.execute("select count(*) from oauth_tokens group by user_id").fetchall()
    assert len(users) / 2000 == pytest.approx(0.94, abs=0.03)
    assert sum(n == 2 for (n,) in users) / len(users) == pytest.approx(0.7, abs=0.05)
