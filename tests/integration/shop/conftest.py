"""The example shop's rollout, played as its README shows it: gonogo, git, npm, psql and pytest."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from gonogo.sandbox.cluster import free_port
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.surroundings import forget_foreign

EXAMPLE = Path(__file__).parents[3] / "examples" / "shop"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONGEST_S = 300
# What a run leaves in the example's directory, and nobody who copies it wants.
LEFT = shutil.ignore_patterns("node_modules", "dist", "app", "backups", "logs", "reports")
Ended = subprocess.CompletedProcess[str]


@dataclass
class Shop:
    """A copy of the example, its database, and a person at a terminal.

    Args:
        root: The copy.
        conninfo: The database.
        environ: The variables that the README has a person set.
    """

    root: Path
    conninfo: str
    environ: dict[str, str] = field(repr=False)
    # Roles are the whole server's, which other tests share.
    role: str = field(default_factory=lambda: f"shop_gate_{uuid4().hex}")

    @property
    def app(self) -> Path:
        """The application's worktree."""
        return self.root / "app"

    def run(self, block: str) -> Ended:
        """Run lines of shell at a terminal where the database's name is typed when asked for."""
        person, terminal = pty.openpty()
        try:
            os.write(person, f"{self.ask('select current_database()')}\n".encode())
            return subprocess.run(
                [
                    "bash",
                    "-e",
                    "-u",
                    "-o",
                    "pipefail",
                    "-c",
                    re.sub(r"\bshop_gate\b", self.role, block),
                ],
                cwd=self.root,
                env=self.environ,
                stdin=terminal,
                capture_output=True,
                text=True,
                check=False,
                timeout=LONGEST_S,
            )
        finally:
            os.close(person)
            os.close(terminal)

    def ask(self, query: str) -> object:
        """The first column of the first row of a query, or None."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def look(self) -> Mapping[str, object]:
        """What runs now, and with which packages."""
        running: dict[str, str] = httpx.get(f"{self.environ['SHOP_URL']}/version").json()
        package = (self.app / "node_modules" / "pg" / "package.json").read_text(encoding="utf-8")
        driver = re.search(r'"version": "(.*)"', package)
        return {**running, "pg": driver and driver[1]}


@dataclass(frozen=True)
class Played:
    """A rollout of the shop, block by block as the README shows it.

    Args:
        shop: What it was played with.
        said: What each block ended with.
        before: What ran before the deployment.
        after: What ran after it.
        at_last: What ran after the rollback.
    """

    shop: Shop
    said: Mapping[str, Ended]
    before: Mapping[str, object]
    after: Mapping[str, object]
    at_last: Mapping[str, object]

    def document(self, name: str) -> str:
        """The record's page whose label is `name`."""
        (page,) = self.shop.root.glob(f"reports/archive/staging/*_{name}/record.html")
        return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shop(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop with nothing running; whatever a test starts is stopped."""
    root, name = tmp_path_factory.mktemp("shop") / "shop", f"test_{uuid4().hex}"
    shutil.copytree(EXAMPLE, root, ignore=LEFT)
    conninfo = databases.create(name)
    shop = Shop(root, conninfo, _variables(conninfo, databases.server.bin_dir))
    try:
        yield shop
    finally:
        if shop.app.exists():
            shop.run("node app/ctl.mjs stop worker; node app/ctl.mjs stop service")
        databases.drop(name)
        with psycopg.connect(databases.server.conninfo(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(shop.role)))


def _variables(conninfo: str, bin_dir: Path) -> dict[str, str]:
    """The variables that the README has a person set, over this process's own."""
    environ = dict(os.environ)
    forget_foreign(environ)
    port = free_port()
    return environ | {
        "PATH": f"{Path(sys.executable).parent}:{bin_dir}:{os.environ['PATH']}",
        "NODE_ENV": "staging",
        "DATABASE_URL": _url(conninfo),
        "PORT": str(port),
        "SHOP_URL": f"http://127.0.0.1:{port}",
        "SHOP_ADMIN_TOKEN": uuid4().hex,
        # What npm has kept is not asked for again.
        "npm_config_prefer_offline": "true",
    }


def _url(conninfo: str) -> str:
    """The same database as a URL that both libpq and Node's `pg` understand."""
    given = conninfo_to_dict(conninfo)
    host, port, user = given["host"], given["port"], given["user"]
    if str(host).startswith("/"):
        return f"postgresql:///{given['dbname']}?host={host}&port={port}&user={user}"
    password = Path(str(given["passfile"])).read_text(encoding="utf-8").strip().split(":")[-1]
    return f"postgresql://{user}:{password}@{host}:{port}/{given['dbname']}"


@pytest.fixture(scope="module")
def played(shop: Shop) -> Played:
    """Play the README from its second block to its last but one, once: three npm ci in all."""
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    _variables_block, world, deploy, verify, grants, *looks, rollback, _stop = BLOCK.findall(readme)
    said = {"world": shop.run(world)}
    assert said["world"].returncode == 0, said["world"].stdout + said["world"].stderr
    said["preflight"] = shop.run("gonogo preflight --revision v2 --build")
    before = shop.look()
    said["deploy"] = shop.run(deploy)
    assert said["deploy"].returncode == 0, said["deploy"].stdout + said["deploy"].stderr
    after = shop.look()
    said |= {"verify": shop.run(verify), "grants": shop.run(grants)}
    for name, look in zip(("early", "go", "outage"), looks, strict=True):
        said[name] = shop.run(look)
    said["rollback"] = shop.run(rollback)
    return Played(shop, said, before, after, shop.look())
