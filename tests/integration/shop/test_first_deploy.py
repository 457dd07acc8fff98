"""docs/first-deploy.md, followed word for word on the example shop: its commands, in its order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from desk import Desk
from gonogo.application.code import resolve
from howto import BLOCK, ROOT, blocks, run_block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gonogo.sandbox.server import EmbeddedServer
    from tests.integration.shop.conftest import Shop

pytestmark = [pytest.mark.slow, pytest.mark.npm, pytest.mark.xdist_group("first_deploy")]

ROLE = "shop_first_deployer"


@pytest.fixture
def running(shop: Shop) -> Iterator[Shop]:
    """The shop with the shipped roles, its version 1 running as its README starts it."""
    (shop.root / "roles").symlink_to(ROOT / "roles")
    # A team puts its own names into the file; production has its place here.
    file, place = shop.root / "rollout.toml", shop.root / "production"
    text = file.read_text(encoding="utf-8").replace("/srv/shop", str(place))
    file.write_text(text.replace("/var/backups/shop", str(place / "backups")), encoding="utf-8")
    readme = (ROOT / "examples" / "shop" / "README.md").read_text(encoding="utf-8")
    _, world, *_ = [block for kind, block in BLOCK.findall(readme) if kind == "sh"]
    told = shop.run(world)
    assert told.returncode == 0, told.stdout + told.stderr
    shop.run("git clone --quiet app production/repository")
    yield shop
    with psycopg.connect(shop.conninfo, autocommit=True) as link:
        for statement in ("drop owned by {}", "drop role {}"):
            link.execute(sql.SQL(statement).format(sql.Identifier(ROLE)))


def test_the_first_deployment_goes_as_shown_on_the_shop(
    running: Shop, server: EmbeddedServer
) -> None:
    """A role, preflight, plan, deployment, verification; production refuses staging's database."""
    desk = Desk(running.root, running.conninfo, running.environ)
    meant = {"app_owner": "postgres", "gonogo_deployer": ROLE, "v2.4.0": "v2"}
    shown = blocks("first-deploy.md")
    assert len(shown) > 5
    url = running.environ["DATABASE_URL"]
    for block in shown:
        told = run_block(desk, block, meant, server.bin_dir, DATABASE_URL=url)
        said = told.stdout + told.stderr
        if "NODE_ENV=production" in block:
            assert told.returncode, said
            assert "knows this database as staging, not as production" in said
        else:
            assert told.returncode == 0, f"{block}{said}"
    head = resolve(running.app, running.environ, "v2")
    assert running.look()["revision"] == head
    assert running.ask("select outcome from gonogo.deployment") == "succeeded"
    assert Path(running.root / "reports" / "archive").is_dir()
