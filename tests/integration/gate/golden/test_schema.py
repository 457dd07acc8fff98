"""Golden figures of the schema: what each migration must have made, counted by hand."""

from __future__ import annotations

import pytest

from golden_world import World
from gonogo.model.kinds import Outcome, Says
from gonogo.model.measurement import Count, Remark

# Each: how many things are looked at, a change that breaks some of them, and which are missed.
BROKEN = {
    # 3 columns, 1 index
    "schema.038": (
        4,
        "alter table users alter admin_promoted_at type timestamptz, drop admin_promoted_by",
        ("column users (admin_promoted_at)", "column users (admin_promoted_by)"),
    ),
    # the table, 9 columns, foreign key, unique, 3 indexes, check
    "schema.039": (
        16,
        "drop index idx_token_health_expiring; create index on token_health (expiry_date)",
        ("index token_health (expiry_date)",),
    ),
    # the table, 11 columns, foreign key, unique, 3 indexes, check
    "schema.040": (
        18,
        "alter table circuit_breaker_state drop constraint circuit_breaker_state_state_check",
        ("check circuit_breaker_state (state)",),
    ),
    # the table, 12 columns, foreign key, unique, 2 indexes
    "schema.041": (
        17,
        (
            "drop index idx_sync_schedule_next_sync; "
            "create index on sync_schedule (integration_type, next_sync_at)"
        ),
        ("index sync_schedule (next_sync_at,integration_type)",),
    ),
    # the table, 9 columns, foreign key, 2 uniques, 3 indexes
    "schema.042": (
        16,
        "alter table calendar_webhook_subscriptions drop resource_id",
        ("column calendar_webhook_subscriptions (resource_id)",),
    ),
    # the table, 12 columns, foreign key, 3 indexes, 2 checks
    "schema.043": (
        19,
        (
            "alter table sync_metrics drop constraint sync_metrics_user_id_fkey, "
            "add foreign key (user_id) references users"
        ),
        ("foreign key sync_metrics (user_id)",),
    ),
    # the table, 10 columns, foreign key, 2 indexes, 2 partial ones, check
    "schema.044": (
        16,
        (
            "alter table token_health_notifications drop notification_type; "
            "drop index idx_token_health_notifications_reminder_due"
        ),
        (
            "check token_health_notifications (notification_type)",
            "column token_health_notifications (notification_type)",
            "partial indexes token_health_notifications",
        ),
    ),
    # 1 column
    "schema.045": (
        1,
        "alter table sync_schedule rename onboarding_until to onboarded",
        ("column sync_schedule (onboarding_until)",),
    ),
    # the table, 8 columns, foreign key, 3 indexes, check
    "schema.046": (
        14,
        "alter table webhook_notifications drop channel_id, drop resource_id",
        ("column webhook_notifications (channel_id)", "column webhook_notifications (resource_id)"),
    ),
}


@pytest.mark.parametrize(("metric", "n"), [(name, case[0]) for name, case in BROKEN.items()])
def test_what_a_migration_made_is_there(world: World, metric: str, n: int) -> None:
    """Right after the deployment nothing is missing."""
    told = world.measured(metric)
    assert (told.count, told.notes) == (Count(n, n), ())
    assert world.found(metric).outcome is Outcome.MET


@pytest.mark.parametrize(
    ("metric", "n", "change", "missing"),
    [(name, *case) for name, case in BROKEN.items()],
    ids=BROKEN,
)
def test_what_is_not_there_is_named(
    own_world: World, metric: str, n: int, change: str, missing: tuple[str, ...]
) -> None:
    """One thing that is gone, or is not what it must be, fails its migration alone."""
    own_world.run(change)
    told = own_world.measured(metric)
    assert told.notes == tuple(Remark(Says.LACKS, name) for name in missing)
    assert told.count == Count(n - len(missing), n)
    assert own_world.found(metric).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "instead",
    [
        (
            "drop index idx_token_health_expiring;"
            " create index on token_health (expiry_date) where status = 'valid'"
        ),
        (
            "alter table token_health drop constraint token_health_user_id_fkey,"
            " add made_by uuid references users on delete cascade"
        ),
        "alter table token_health alter user_id drop not null",
    ],
    ids=["an index of other rows", "a key of another column", "a key that may be null"],
)
def test_what_only_looks_alike_does_not_count(own_world: World, instead: str) -> None:
    """Something of the kind is there, but not what the migration made."""
    own_world.run(instead)
    assert own_world.measured("schema.039").count == Count(15, 16)


def test_a_table_of_the_same_name_elsewhere_does_not_count(own_world: World) -> None:
    """Not even when it is just as it should be: the application would not find it."""
    own_world.run("create schema elsewhere; alter table token_health set schema elsewhere")
    assert own_world.measured("schema.039").count == Count(0, 16)


def test_an_index_that_is_not_valid_does_not_count(own_world: World) -> None:
    """An interrupted CREATE INDEX CONCURRENTLY leaves one behind."""
    index = "'idx_users_is_admin'::regclass"
    own_world.run(f"update pg_index set indisvalid = false where indexrelid = {index}")
    assert own_world.measured("schema.038").count == Count(3, 4)


def test_other_names_and_texts_of_constraints_are_as_good(own_world: World) -> None:
    """Installations differ in these, and a dump rewrites the text of a check."""
    own_world.run("""
        alter index idx_token_health_status rename to another_name;
        alter table token_health rename constraint token_health_user_id_fkey to another_key;
        alter table token_health drop constraint token_health_status_check;
        alter table token_health add constraint another_check check (status = any (array[
            'unknown', 'revoked', 'expired', 'expiring_soon', 'valid', 'paused']));
        alter table token_health add consecutive_failures integer""")
    assert own_world.measured("schema.039").count == Count(16, 16)


@pytest.mark.parametrize(
    ("labels", "allowed"),
    [
        ("'full', 'incremental', 'webhook_triggered', 'manual'", 0),
        ("'full', 'incremental', 'webhook_triggered', 'manual', 'initial'", 1),
        (None, 1),
    ],
)
def test_the_label_of_a_first_sync_is_allowed_or_not(
    own_world: World, labels: str | None, allowed: int
) -> None:
    """The live constraint refuses it, which is a warning; ours, or none, does not."""
    own_world.run("alter table sync_metrics drop constraint sync_metrics_sync_type_check")
    if labels:
        own_world.run(f"alter table sync_metrics add check (sync_type in ({labels}))")
    assert own_world.measured("schema.initial_allowed").value == allowed
    outcome = own_world.found("schema.initial_allowed", "alert").outcome
    assert outcome is (Outcome.MET if allowed else Outcome.WARNING)


REFUSE = """
    alter table sync_metrics drop constraint sync_metrics_sync_type_check;
    alter table sync_metrics add check (sync_type in
        ('full', 'incremental', 'webhook_triggered', 'manual'))"""


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        ("set adopted = false", Outcome.FAILED),
        ("set adopted = true", Outcome.MET),
        ("set reverted_at = now()", Outcome.MET),
    ],
    ids=["gonogo", "the application", "nobody any more"],
)
def test_what_043_made_must_go_on_taking_first_syncs(
    own_world: World, made: str, outcome: Outcome
) -> None:
    """On a table that gonogo made, a constraint without `initial` is no mere warning."""
    assert own_world.measured("schema.initial_kept").value == 0
    own_world.run(f"update gonogo.migration {made} where version = '043'; {REFUSE}")
    assert own_world.found("schema.initial_kept").outcome is outcome
