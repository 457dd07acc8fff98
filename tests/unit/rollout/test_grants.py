"""The roles as SQL: made of the surveys, and current."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.errors import ConfigError
from gonogo.rollout.grants import ROLES, readable, role_script

ROOT = Path(__file__).parents[3]
TABLES = readable(ROOT / "checks" / "sql")


@pytest.mark.parametrize("name", ROLES)
def test_the_roles_in_the_repository_are_current(name: str) -> None:
    """roles/*.sql is what the surveys ask for today; else run gonogo grants."""
    assert (ROOT / "roles" / name).read_text(encoding="utf-8") == role_script(name, TABLES)


def test_no_column_that_holds_a_secret_is_readable() -> None:
    """Neither the token of a notification, nor a link by which a user signs in anew, nor who."""
    assert "token" not in TABLES["calendar_webhook_subscriptions"]
    assert "re_auth_link" not in TABLES["token_health_notifications"]
    assert TABLES["users"] <= {"id", "created_at"}
    assert not {"oauth_tokens", "audit_logs"} & set(TABLES)


def test_the_survey_of_row_security_names_every_measured_table() -> None:
    """Else a row could be hidden from the gate in silence."""
    text = (ROOT / "checks" / "sql" / "row_security.sql").read_text(encoding="utf-8")
    assert all(f"'{table}'" in text for table in TABLES)


def test_a_survey_of_whole_rows_is_refused_with_its_file(tmp_path: Path) -> None:
    """Its author learns what to write instead."""
    (tmp_path / "all.sql").write_text("select * from orders", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"all\.sql.*name the columns"):
        readable(tmp_path)


def test_without_a_survey_the_role_may_read_the_ledger(tmp_path: Path) -> None:
    """And no table of the application: an empty list would be no SQL."""
    script = role_script("gate_role.sql", readable(tmp_path))
    assert "gonogo.%I" in script
    assert "revoke" not in script
