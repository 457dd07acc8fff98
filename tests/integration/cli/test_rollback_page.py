"""docs/rollback.md: each of its lines, run in their order as they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk import Desk
from gonogo.postgres.session import connect
from gonogo.rollout.restore.swap import relatives
from gonogo.sandbox.databases import Databases
from howto import blocks, run_block

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "rollback.md").read_text(encoding="utf-8")
SAID = (
    "rollback --mode revert would do",
    "incident-report.html",
    "rolled back",
    "Deployed",
    "rows copied back",
    "are gone for good",
    "rollback --mode restore would do",
    "rows written since the backup",
)


@pytest.fixture
def night(desk: Desk, databases: Databases) -> Iterator[Desk]:
    """A desk with a deployment that somebody will take back; what a restore kept goes with it."""
    told = desk.deploy()
    assert told.returncode == 0, told.stdout + told.stderr
    yield desk
    with connect(desk.conninfo) as connection:
        kept, prepared = relatives(connection)
    for name in (*kept, *prepared):
        databases.drop(name)


@pytest.mark.slow
def test_every_line_of_the_page_does_what_it_says(night: Desk, databases: Databases) -> None:
    """Looked at, reverted, deployed again, reapplied, dropped, restored: all on one database."""
    meant = {"v2.4.0": night.repository.after}
    told = ""
    for block in blocks("rollback.md"):
        ended = run_block(night, block, meant, databases.server.bin_dir)
        assert ended.returncode == 0, f"{block}\n{ended.stdout}{ended.stderr}"
        told += ended.stdout
    for line in SAID:
        assert line in told
    assert (
        night.ask(
            "select string_agg(outcome || ' ' || rollback_mode, ', ' order by id)"
            " from gonogo.deployment"
        )
        == "rolled_back revert, rolled_back restore"
    )


def test_what_the_page_quotes_is_said_somewhere() -> None:
    """Every message in its table stands in the code."""
    quoted = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    said = re.sub(r'"\s+f?"', "", code)
    assert len(quoted) > 5
    for message in quoted:
        assert all(part.strip() in said for part in message.split("…")), message
