"""A fleet's record: pooled first, then each database by its own evidence, on page and terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from gate_process import GateOutcome, Soaked, run_gate

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
) -> GateOutcome:
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
    return run_gate(
        checkout,
        None,
        "--environment=staging",
        "--without=endpoints",
        f"--as-of={soaked.end.isoformat()}",
        EU_URL=soaked.conninfo,
        US_URL=ill,
        AP_URL=NOBODY,
    )


def test_the_page_shows_each_database_the_worst_first(judged_fleet: GateOutcome) -> None:
    """By its own evidence, with its reason; the terminal likewise; a rate has a line of each."""
    us, ap, eu = judged_fleet.record.members
    assert [one.name for one in (us, ap, eu)] == ["us", "ap", "eu"]
    page = (judged_fleet.records[-1] / "record.html").read_text(encoding="utf-8")
    assert "3 databases: 1 ROLLBACK, 1 Not judged, 1 GO." in page
    assert "&lt;b&gt;us" in page
    assert "hush" not in page + judged_fleet.output
    assert page.count('<svg class="spark"') >= 2
    said = " ".join(judged_fleet.output.split())
    assert "us ROLLBACK Sync success rate: 64." in said
    assert "ap Not judged the database does not answer" in said
    assert "eu GO nothing of its own is past a limit" in said
    index = (judged_fleet.records[-1].parents[1] / "index.html").read_text(encoding="utf-8")
    assert "Staging gate of 3 databases, 48h" in index
