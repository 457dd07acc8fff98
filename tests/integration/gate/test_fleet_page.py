"""A fleet's record: pooled first, then each database by its own evidence, on page and terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

import forked
from gate_process import GateOutcome, Soaked, run_gate

pytestmark = pytest.mark.slow

MEMBER = """
[[environments.staging.databases]]
name = "{name}"
url_env = "{variable}_URL"
group = "<b>{name}"
canary = {canary}
"""
FAILING = """
update sync_metrics set result = 'failure', error_message = 'boom'
where result = 'success' and hashtext(user_id::text) % 3 = 0
"""
NOBODY = "postgresql://nobody:hush@127.0.0.1:9/none"


@pytest.fixture
def judged_fleet(
    soaked: Soaked, new_database: Callable[..., str], soaked_template: str, checkout: Path
) -> tuple[GateOutcome, dict[str, str]]:
    """Three databases: eu is well, us fails, ap never answers."""
    file = checkout / "rollout.toml"
    members = "".join(
        MEMBER.format(name=name, variable=name.upper(), canary=str(name == "us").lower())
        for name in ("eu", "us", "ap")
    )
    file.write_text(file.read_text(encoding="utf-8") + members, encoding="utf-8")
    ill = new_database(soaked_template)
    with psycopg.connect(ill) as connection:
        connection.execute(FAILING)
    urls = {"EU_URL": soaked.conninfo, "US_URL": ill, "AP_URL": NOBODY}
    options = ("--environment=staging", "--without=endpoints")
    return run_gate(checkout, None, *options, f"--as-of={soaked.end.isoformat()}", **urls), urls


def test_the_page_shows_each_database_the_worst_first(
    judged_fleet: tuple[GateOutcome, dict[str, str]], checkout: Path
) -> None:
    """By its own evidence, as terminal, list and status show it; a rate has a line of each."""
    gated, urls = judged_fleet
    us, ap, eu = gated.record.members
    assert [one.name for one in (us, ap, eu)] == ["us", "ap", "eu"]
    page = (gated.records[-1] / "record.html").read_text(encoding="utf-8")
    assert "3 databases: 1 ROLLBACK, 1 Not judged, 1 GO." in page
    assert "&lt;b&gt;us" in page
    assert "hush" not in page + gated.output
    assert page.count('<svg class="spark"') >= 2
    said = " ".join(gated.output.split())
    assert "us ROLLBACK Sync success rate: 64." in said
    assert "ap not judged the database does not answer" in said
    assert "eu GO" in said
    index = (gated.records[-1].parents[1] / "index.html").read_text(encoding="utf-8")
    assert "Staging gate of 3 databases, 48h" in index
    environ = {**os.environ, "NODE_ENV": "staging", **urls}
    status = forked.run("gonogo", "status", cwd=checkout, env=environ, timeout_s=60).stdout
    assert "after 1: succeeded 9, last 046 ROLLBACK" in " ".join(status.split())
