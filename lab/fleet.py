"""``python -m lab.fleet``: what a gate of many small databases costs, beside that of one.

So many copies of one small database lie on one server. The slowest member's own time is that of a
gate of it alone; the goal is that a fleet takes at most 1.5 times that time, times the members,
over the connections. Memory is the peak of a fresh process, by number of members and by rows.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event
from typing import TypeVar

from gonogo.config.environments import DatabaseConfig
from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.gate.observe import observe
from gonogo.gate.setting import Options, resolve
from gonogo.model.kinds import Environment
from gonogo.postgres import session
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.readonly import Manners
from gonogo.sandbox import world
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer
from gonogo.sandbox.traffic import Traffic, generate
from lab.bench.memory import peak_of

ROOT = Path(__file__).parents[1]
MEMBERS, AT_ONCE, ROWS, USERS, ROUNDS = 50, 2, 4_000, 40, 3
MOST_TIMES = 1.5
LEAN = {"max_connections": "60"}
TIMES, SETTLED_S = 8, 0.3
SOAK = timedelta(hours=48)
Spent = tuple[float, float, float]
T = TypeVar("T")


def main(members: int = MEMBERS) -> int:
    """Measure and print; 1 where the goal is missed."""
    with (
        TemporaryDirectory(prefix="gonogo-fleet-") as place,
        EmbeddedServer.start(Path(place) / "server", settings=LEAN) as server,
    ):
        databases = Databases(server)
        for name, rows in (("small", ROWS), ("large", TIMES * ROWS)):
            _fill(databases, name, rows)
        fleet = [databases.create(f"member_{n}", "small") for n in range(members)]
        more = [databases.create(f"large_{n}", "large") for n in range(members // 5)]
        _show(f"{platform.platform()}, {os.cpu_count()} cores, {members} databases of one server")
        alone = [_spent(server, _alone, one) for one in fleet[:5] for _ in range(ROUNDS)]
        own = max(median(took for took, _, _ in alone[n::5]) for n in range(5))
        together = [_spent(server, _observed, fleet) for _ in range(ROUNDS)]
        goal = MOST_TIMES * own * members / AT_ONCE
        _show(f"one by itself: {_shown(alone)}; the slowest of five: {own:.2f} s")
        _show(f"{members} of them, {AT_ONCE} at once: {_shown(together, members)}")
        _show(f"goal: {goal:.2f} s")
        for number, some, rows in (
            (1, fleet, ROWS),
            (members // 5, fleet, ROWS),
            (members, fleet, ROWS),
            (members // 5, more, TIMES * ROWS),
        ):
            peak = peak_of(_observed, some[:number])
            _show(f"memory with {number} of {rows:,} syncs: {peak / 2**20:.0f} MB")
    return int(median(took for took, _, _ in together) > goal)


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _shown(spent: Sequence[Spent], members: int = 1) -> str:
    took, own, servers = (sorted(column) for column in zip(*spent, strict=True))
    return (
        f"{median(took):.2f} s ({took[0]:.2f} to {took[-1]:.2f}); processor time a database: "
        f"{median(own) / members:.3f} s here, {median(servers) / members:.3f} s in the server"
    )


def _spent(server: EmbeddedServer, work: Callable[[T], None], given: T) -> Spent:
    """Seconds by the clock, of this process, and of the server's ended sessions."""
    before = time.perf_counter(), time.process_time(), _of_sessions(server)
    work(given)
    took, own = time.perf_counter() - before[0], time.process_time() - before[1]
    Event().wait(SETTLED_S)
    return took, own, _of_sessions(server) - before[2]


def _of_sessions(server: EmbeddedServer) -> float:
    """The processor time of all sessions that have ended, in seconds."""
    number = (server.directory / "data" / "postmaster.pid").read_text().split()[0]
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _fill(databases: Databases, name: str, rows: int) -> None:
    def build(conninfo: str) -> None:
        with session.connect(conninfo) as connection:
            world.create_base(connection, users=USERS)
            world.migrate_base(connection, ROOT / "migrations")
            generate(connection, Traffic(_end(conninfo) - SOAK, _end(conninfo), rows=rows))

    databases.ensure_template(name, build)


def _end(conninfo: str) -> datetime:
    """The end of 48 hours that begin with the deployment's end."""
    with session.connect(conninfo) as connection:
        row = connection.execute("select finished_at from gonogo.deployment").fetchone()
    if row is None:
        raise SystemExit("nothing is deployed")
    finished: datetime = row[0]
    return finished + SOAK


def _options(conninfo: str, databases: tuple[DatabaseConfig, ...] = ()) -> Options:
    rollout = RolloutConfig.load(ROOT / "rollout.toml")
    return Options(
        as_of=_end(conninfo),
        environment=Environment.STAGING,
        without=frozenset({"endpoints"}),
        endpoints=rollout.http,
        manners=Manners(anchor=rollout.application.anchor),
        databases=databases,
        at_once=AT_ONCE,
    )


def _alone(conninfo: str) -> None:
    """The gate of one database."""
    observe(resolve(Project(ROOT), _options(conninfo), DatabaseSettings(conninfo, "the lab")), {})


def _observed(fleet: list[str]) -> None:
    """The gate of a fleet."""
    names = [f"MEMBER_{number}_URL" for number in range(len(fleet))]
    os.environ.update(zip(names, fleet, strict=True))
    databases = tuple(DatabaseConfig(name=name, url_env=name) for name in names)
    seen = observe(resolve(Project(ROOT), _options(fleet[0], databases), None), {})
    if problems := [f"{one.name}: {one.problem}" for one in seen.members if one.problem]:
        raise SystemExit(f"not judged: {problems[0]}, and {len(problems) - 1} more")


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
