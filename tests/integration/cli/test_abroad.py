"""A rollout forward and back where the server speaks German and no setting is as at home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from abroad import KIND, emigrate, germany, settle
from desk import Desk, make_desk
from gonogo.sandbox import surroundings
from gonogo.sandbox.databases import Databases

pytestmark = [pytest.mark.slow, pytest.mark.postgres15, pytest.mark.locales]
OUTCOME = "select outcome from gonogo.deployment order by id desc limit 1"
NEW_TABLES = """
select count(*) from unnest(array['sync_metrics', 'token_health', 'webhook_notifications']) as t (n)
where to_regclass(n) is not null"""


@pytest.fixture
def abroad(tmp_path: Path, postgres15: Path) -> Iterator[Databases]:
    """A server in Germany."""
    with germany(tmp_path / "germany", postgres15) as databases:
        yield databases


@pytest.fixture
def desk(abroad: Databases, build_base: Callable[[str], None], tmp_path: Path) -> Iterator[Desk]:
    """A desk whose database is there, in LATIN1, before the rollout."""
    home = abroad.create("home")
    build_base(home)
    conninfo = emigrate(home, abroad, "app", KIND, tmp_path)
    settle(conninfo, timezone="UTC")
    yield make_desk(tmp_path / "desk", conninfo)
    surroundings.stop_everything(tmp_path / "desk")


def test_a_rollout_goes_forward_and_is_proved_to_be_taken_back(desk: Desk) -> None:
    """Backup, migrations, then the rollback that proves the schema and every row equal."""
    told = desk.deploy()
    assert told.returncode == 0, told.stdout + told.stderr
    assert (desk.ask(OUTCOME), desk.ask(NEW_TABLES)) == ("succeeded", 3)
    told = desk.run("rollback", "--reason", "a drill", "--yes-roll-back", desk.database)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "schema equal to that before the deployment, all 60 rows of users intact" in told.stdout
    assert (desk.ask(OUTCOME), desk.ask(NEW_TABLES)) == ("rolled_back", 0)
