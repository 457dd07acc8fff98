"""A directory of migrations is read whole, or refused with the file at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.errors import MigrationError
from gonogo.ledger.migration import digest, load, versions

STEMS = [
    "038_add_admin_role_support",
    "039_create_token_health_table",
    "040_create_circuit_breaker_state_table",
    "041_create_sync_schedule_table",
    "042_create_calendar_webhook_subscriptions_table",
    "043_create_sync_metrics_table",
    "044_create_token_health_notifications_table",
    "045_add_onboarding_until_to_sync_schedule",
    "046_create_webhook_notifications_table",
]


def test_the_projects_migrations_have_the_names_of_the_runbooks(
    pytestconfig: pytest.Config,
) -> None:
    """Each of the nine is there, in order, with its revert."""
    migrations = load(pytestconfig.rootpath / "migrations")
    assert [one.path.stem for one in migrations] == STEMS
    assert all(one.revert and one.revert_file.inside for one in migrations)


def test_versions_are_ordered_as_numbers(tmp_path: Path) -> None:
    """1000 comes after 999."""
    for name in ("1000_b.sql", "999_a.sql"):
        (tmp_path / name).write_text("select 1;")
    assert [one.version for one in load(tmp_path)] == ["999", "1000"]


def test_the_digest_changes_with_any_file(tmp_path: Path) -> None:
    """One changed byte is another set of migrations."""
    (tmp_path / "100_a.sql").write_text("select 1;")
    before = digest(load(tmp_path))
    (tmp_path / "100_a.sql").write_text("select 2;")
    assert digest(load(tmp_path)) != before


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no migrations"),
        ({"create_x.sql": b""}, "is named"),
        ({"038_a.sql": b"", "0038_b.sql": b""}, "has the version of"),
        ({"038_a.sql": b"", "038_b.revert.sql": b""}, "not there"),
        ({"038_a.sql": b"select '\xff'"}, "UTF-8"),
        ({"038_a.sql": b"alter table t set schema :aside"}, "revert files only"),
        ({"038_a.sql": b"", "038_a.revert.sql": b"-- gonogo: no-transaction\nselect 1"}, "one"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    """A wrong name, a doubled version, an orphan or a misplaced part is an error at load time."""
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MigrationError, match=words):
        load(tmp_path)


def test_files_before_the_first_version_are_passed_over(tmp_path: Path) -> None:
    """Not even their names are looked at; the first itself and what follows are."""
    for name in ("001 old.sql", "037_old.sql", "038_new.sql", "039_new.sql"):
        (tmp_path / name).write_text("select 1;")
    assert [one.version for one in load(tmp_path, first="038")] == ["038", "039"]
    with pytest.raises(MigrationError, match="from 040 on"):
        load(tmp_path, first="040")


def test_versions_are_listed_without_reading_a_file(tmp_path: Path) -> None:
    """A file of another name, a revert and a lower version are left out; no content matters."""
    for name in ("037_a.sql", "038_a.sql", "038_a.revert.sql", "039_B.sql", "040.sql", "x_1.sql"):
        (tmp_path / name).write_bytes(b"'\xff")
    assert versions(tmp_path, first="038") == ("038", "039")


def test_a_directory_that_is_not_there_has_no_versions(tmp_path: Path) -> None:
    """A project without migrations can be measured."""
    assert versions(tmp_path / "nowhere") == ()
