"""A copy of examples/shop with a database, and version 1 built by npm: what the lab tries on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from gonogo.sandbox.cluster import free_port
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.surroundings import forget_foreign

SHOP = Path(__file__).parents[1] / "examples" / "shop"
LEFT = shutil.ignore_patterns("node_modules", "dist", "app", "backups", "logs", "reports")
# The shop's staging section, changed in place; and the same with a directory a release.
PLACED = (
    ('cwd = "app"\ngit = true\n', 'cwd = "current"\ngit = "app"\nreleases = "releases"\n'),
    ('pid_file = "app/', 'pid_file = "current/'),
)
NOT_WITH_RELEASES = ("checkout = ", "revert_code = ")
BUILD = "npm ci --no-audit --no-fund && npm run build"
WORLD = f"sh repository.sh && cd app && {BUILD} && npm run setup"
RELEASED = f"""
head=$(git -C app rev-parse v1) && git -C app worktree add -q --detach ../releases/$head v1 &&
cd releases/$head && {BUILD} && touch ../$head.built && ln -s releases/$head ../../current
"""


@dataclass(frozen=True)
class Shop:
    """A copy of the example with a database.

    Args:
        root: The copy.
        environ: The variables that its README has a person set.
        place: Where the version that runs lies, below `root`.
    """

    root: Path
    environ: Mapping[str, str]
    place: str

    def sh(self, lines: str, below: str = "") -> None:
        """Run lines of shell."""
        words = ["bash", "-e", "-u", "-c", lines]
        subprocess.run(
            words, cwd=self.root / below, env=self.environ, check=True, stdout=subprocess.DEVNULL
        )

    def gonogo(self, *words: str) -> None:
        """Run a command of gonogo."""
        said = [sys.executable, "-m", "gonogo", *words]
        subprocess.run(said, cwd=self.root, env=self.environ, check=True, stdout=subprocess.DEVNULL)


def lay_out(server: EmbeddedServer, root: Path, conninfo: str, *, released: bool) -> Shop:
    """Build version 1 beside a database that it fills; nothing runs yet.

    Args:
        server: The database's.
        root: Where the copy is made.
        conninfo: An empty database.
        released: Whether each revision has a directory of its own, and `current` is a link.
    """
    shutil.copytree(SHOP, root, ignore=LEFT)
    given = conninfo_to_dict(conninfo)
    name, socket, user, port = (given[key] for key in ("dbname", "host", "user", "port"))
    environ = dict(os.environ)
    forget_foreign(environ)
    listens = free_port()
    environ |= {
        "PATH": f"{server.bin_dir}:{os.environ['PATH']}",
        "NODE_ENV": "staging",
        "DATABASE_URL": f"postgresql:///{name}?host={socket}&port={port}&user={user}",
        "PORT": str(listens),
        "SHOP_URL": f"http://127.0.0.1:{listens}",
        "SHOP_ADMIN_TOKEN": "f" * 32,
        "npm_config_prefer_offline": "true",
    }
    shop = Shop(root, environ, "current" if released else "app")
    shop.sh(WORLD)
    if released:
        use_releases(root)
        shop.sh(RELEASED)
    return shop


def use_releases(root: Path) -> None:
    """Change the staging of a copy to a directory for each release."""
    file = root / "rollout.toml"
    staging, production, rest = file.read_text("utf-8").partition("[environments.production]")
    for old, new in PLACED:
        staging = staging.replace(old, new)
    kept = (line for line in staging.splitlines() if not line.startswith(NOT_WITH_RELEASES))
    file.write_text("\n".join(kept) + "\n" + production + rest, "utf-8")
