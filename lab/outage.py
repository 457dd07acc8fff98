"""``nox -s outage``: how long a rollout of examples/shop keeps it away, beside its own restart.

A client of its own asks the service every 50 ms, while `gonogo deploy` and `gonogo rollback` run on
a server of its own, with npm. The application's own share is a plain stop and start of the same
version, asked in the same way.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from psycopg.conninfo import conninfo_to_dict

from gonogo.application.outage import Watch
from gonogo.sandbox.cluster import free_port
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.surroundings import forget_foreign

SHOP = Path(__file__).parents[1] / "examples" / "shop"
LEFT = shutil.ignore_patterns("node_modules", "dist", "app", "backups", "logs", "reports")
ROUNDS = 3
GOAL_S = 3.0
DATABASE = "shop"
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
RESTART = "node ctl.mjs stop service && node ctl.mjs start service"


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

    def outage_s(self, happens: Callable[[], None]) -> float:
        """How long the service does not answer while something happens."""
        watch = Watch.begin(self.environ["SHOP_URL"], "/version")
        happens()
        found = watch.end()
        if found is None:
            raise RuntimeError("the shop does not answer any more")
        return found

    def recorded_s(self) -> float:
        """What the newest record says of the outage."""
        newest = max(self.root.glob("reports/archive/staging/*/record.json"))
        steps = json.loads(newest.read_bytes())["steps"]
        (found,) = (one["evidence"]["outage_s"] for one in steps if one["name"] == "identity")
        return float(found)


@dataclass(frozen=True, slots=True)
class Found:
    """One way of placing the code, measured.

    Args:
        restart_s: A plain stop and start, by round.
        deploy_s: By round.
        rollback_s: By round.
        recorded_s: What the records say of the same deployments and rollbacks.
    """

    restart_s: tuple[float, ...]
    deploy_s: tuple[float, ...]
    rollback_s: tuple[float, ...]
    recorded_s: tuple[float, ...]


def main() -> int:
    """Measure, print a table; the exit code says whether the goal was reached."""
    with (
        TemporaryDirectory(prefix="gonogo-outage-") as place,
        EmbeddedServer.start(Path(place) / "server") as server,
    ):
        found = {}
        for title, released in (("in place", False), ("releases", True)):
            with _shop(server, Path(place) / title.replace(" ", "_"), released=released) as shop:
                found[title] = _measured(shop)
    sys.stdout.write("\n".join(_table(found)) + "\n")
    beside = [one for each in found.values() for _, values, _ in _rows(each) for one in values]
    return int(max(beside) > GOAL_S)


@contextmanager
def _shop(server: EmbeddedServer, root: Path, *, released: bool) -> Iterator[Shop]:
    """Version 1 of the shop, running."""
    shutil.copytree(SHOP, root, ignore=LEFT)
    databases, port = Databases(server), free_port()
    given = conninfo_to_dict(databases.create(DATABASE))
    socket, user = given["host"], given["user"]
    environ = dict(os.environ)
    forget_foreign(environ)
    environ |= {
        "PATH": f"{server.bin_dir}:{os.environ['PATH']}",
        "NODE_ENV": "staging",
        "DATABASE_URL": f"postgresql:///{DATABASE}?host={socket}&port={given['port']}&user={user}",
        "PORT": str(port),
        "SHOP_URL": f"http://127.0.0.1:{port}",
        "SHOP_ADMIN_TOKEN": "f" * 32,
        "npm_config_prefer_offline": "true",
    }
    shop = Shop(root, environ, "current" if released else "app")
    shop.sh(WORLD)
    if released:
        file = root / "rollout.toml"
        file.write_text(_with_releases(file.read_text(encoding="utf-8")), encoding="utf-8")
        shop.sh(RELEASED)
    shop.sh("node ctl.mjs start service && node ctl.mjs start worker", shop.place)
    try:
        yield shop
    finally:
        shop.sh("node ctl.mjs stop worker; node ctl.mjs stop service", shop.place)
        databases.drop(DATABASE)


def _with_releases(text: str) -> str:
    staging, production, rest = text.partition("[environments.production]")
    for old, new in PLACED:
        staging = staging.replace(old, new)
    kept = (line for line in staging.splitlines() if not line.startswith(NOT_WITH_RELEASES))
    return "\n".join(kept) + "\n" + production + rest


def _measured(shop: Shop) -> Found:
    restarts, deploys, rollbacks, recorded = [], [], [], []
    agreed = ("--yes-roll-back", DATABASE, "--reason", "measured")
    for _ in range(ROUNDS):
        restarts.append(shop.outage_s(lambda: shop.sh(RESTART, shop.place)))
        deploys.append(shop.outage_s(lambda: shop.gonogo("deploy", "staging", "--revision", "v2")))
        recorded.append(shop.recorded_s())
        rollbacks.append(shop.outage_s(lambda: shop.gonogo("rollback", *agreed)))
        recorded.append(shop.recorded_s())
    return Found(tuple(restarts), tuple(deploys), tuple(rollbacks), tuple(recorded))


def _rows(found: Found) -> Iterator[tuple[str, list[float], tuple[float, ...]]]:
    """What was done, its outages beside the plain restart, and as they were."""
    own = median(found.restart_s)
    for what, values in (("deployment", found.deploy_s), ("rollback", found.rollback_s)):
        yield what, [one - own for one in values], values


def _table(found: Mapping[str, Found]) -> Iterator[str]:
    npm = subprocess.run(["npm", "--version"], capture_output=True, text=True, check=True).stdout
    yield (
        f"{datetime.now(UTC):%-d %B %Y}; {os.cpu_count()} cores; Python"
        f" {platform.python_version()}, npm {npm.strip()}; {ROUNDS} rounds, load of the machine at"
        f" the end {os.getloadavg()[0]:.1f}."
    )
    yield ""
    yield "| code | what | outage, by round | own stop and start | beside them, at most | goal |"
    yield "|---|---|--:|--:|--:|---|"
    for title, one in found.items():
        for what, beside, values in _rows(one):
            shown = ", ".join(f"{value:.2f} s" for value in values)
            reached = "reached" if max(beside) <= GOAL_S else "missed"
            yield (
                f"| {title} | {what} | {shown} | {median(one.restart_s):.2f} s |"
                f" {max(beside):.2f} s | {GOAL_S:g} s: {reached} |"
            )
    seen = [value for one in found.values() for value in (*one.deploy_s, *one.rollback_s)]
    said = [value for one in found.values() for value in one.recorded_s]
    yield ""
    yield (
        f"The records say {min(said):.2f} to {max(said):.2f} s, the client {min(seen):.2f} to"
        f" {max(seen):.2f} s."
    )


if __name__ == "__main__":
    sys.exit(main())
