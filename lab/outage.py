"""``nox -s outage``: how long a rollout of examples/shop keeps it away, beside its own restart.

A client of its own asks the service every 50 ms, while `gonogo deploy` and `gonogo rollback` run on
a server of its own, with npm. The application's own share is a plain stop and start of the same
version, asked in the same way.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from gonogo.application.outage import Watch
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from lab.shop import Shop, lay_out

ROUNDS = 3
GOAL_S = 3.0
DATABASE = "shop"
RESTART = "node ctl.mjs stop service && node ctl.mjs start service"


def outage_s(shop: Shop, happens: Callable[[], None]) -> float:
    """How long the service does not answer while something happens."""
    watch = Watch.begin(shop.environ["SHOP_URL"], "/version")
    happens()
    found = watch.end()
    if found is None:
        raise RuntimeError("the shop does not answer any more")
    return found


def recorded_s(shop: Shop) -> float:
    """What the newest record says of the outage."""
    newest = max(shop.root.glob("reports/archive/staging/*/record.json"))
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
    databases = Databases(server)
    shop = lay_out(server, root, databases.create(DATABASE), released=released)
    shop.sh("node ctl.mjs start service && node ctl.mjs start worker", shop.place)
    try:
        yield shop
    finally:
        shop.sh("node ctl.mjs stop worker; node ctl.mjs stop service", shop.place)
        databases.drop(DATABASE)


def _measured(shop: Shop) -> Found:
    restarts, deploys, rollbacks, recorded = [], [], [], []
    agreed = ("--yes-roll-back", DATABASE, "--reason", "measured")
    for _ in range(ROUNDS):
        restarts.append(outage_s(shop, lambda: shop.sh(RESTART, shop.place)))
        deploys.append(outage_s(shop, lambda: shop.gonogo("deploy", "staging", "--revision", "v2")))
        recorded.append(recorded_s(shop))
        rollbacks.append(outage_s(shop, lambda: shop.gonogo("rollback", *agreed)))
        recorded.append(recorded_s(shop))
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
