"""gonogo knows no application: what is particular to one stands in its TOML and SQL files alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gonogo
from first_application import CONFIG, HTTP
from gonogo.criteria import load
from gonogo.rollout.grants import readable

ROOT = Path(__file__).parents[2]
PACKAGE = Path(gonogo.__file__).parent
# The sandbox is a world of the first application; the starter is an example of somebody's own.
MAY_NAME_ONE = {"sandbox", "starter"}
KINDS = {".py", ".sql", ".jinja", ".css", ".toml", ".json"}
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in KINDS and path.relative_to(PACKAGE).parts[0] not in MAY_NAME_ONE
]
CHECKS = ROOT / "checks"
CRITERIA = load(CHECKS / "criteria.toml", CHECKS / "sql")
TABLES = readable(CHECKS / "sql")
# What makes the application: words that mean nothing to another one.
WORDS = frozenset(
    {
        *("sync", "syncs", "synced", "webhook", "webhooks", "google", "onboarding"),
        *("integration", "integrations", "breaker", "breakers", "dashboard"),
        "contacts",
    }
)
# Columns, tables and variables are looked for whole; columns of one common word stand in prose too.
NAMES = frozenset(
    {
        *TABLES,
        *(one for columns in TABLES.values() for one in columns if "_" in one),
        *CONFIG.variables,
        *(one.path for one in HTTP.every if one.path.count("/") > 1),
        *("oauth_tokens", "audit_logs", "admin_promoted_at", "admin_promoted_by", "is_admin"),
    }
) - {
    # Every application has these, and the ledger of gonogo has them too; a table of users has a
    # pattern of its own.
    *("created_at", "updated_at", "error_message", "duration_ms", "user_id", "opened_at", "users"),
}
A_TABLE_OF_USERS = re.compile(r"(?:from|join|update|into|table)\s+users\b|['\"]users['\"]")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_of_the_machine_names_an_object_of_the_application(path: Path) -> None:
    """Neither in code nor in a comment, a message or a template."""
    text = path.read_text(encoding="utf-8")
    # protobuf lies in a package of its maker's name.
    spoken = {word.lower() for word in re.findall(r"(?!google\.)[A-Za-z]+", text)}
    assert not spoken & WORDS
    assert not {name for name in NAMES if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)}
    assert not A_TABLE_OF_USERS.search(text)


def test_every_metric_of_the_application_is_named_in_its_criteria_alone() -> None:
    """No file of the machine knows a metric by its id."""
    texts = {path: path.read_text(encoding="utf-8") for path in FILES}
    for metric in CRITERIA.metrics:
        assert not [path.name for path, text in texts.items() if f'"{metric}"' in text], metric
