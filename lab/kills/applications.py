"""The applications whose rollouts are killed: how each is laid out, started, asked and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx
import psycopg

from gonogo.postgres import session
from gonogo.sandbox import surroundings, world
from gonogo.sandbox.checkout import copy_project
from gonogo.sandbox.server import EmbeddedServer
from lab.shop import lay_out

ROOT = Path(__file__).parents[2]
ROLLOUT = ROOT / "src" / "gonogo" / "sandbox" / "rollout.toml"
ANSWERS_WITHIN_S = 5.0
# Orders of version 1, all paid, so that its worker has nothing to do.
ORDERS = """
with placed as (
    insert into orders (customer_id, total_cents, status)
    select id, 100 + id, 'paid' from customers returning id, total_cents)
insert into payments (order_id, provider, card, amount_cents, status)
select id, 'cardia', md5(id::text), total_cents, 'captured' from placed"""
# What version 2 wrote: a rollback moves it aside or carries it over, and keeps each order.
WRITTEN = """
with placed as (
    insert into orders (customer_id, total_cents, status, channel)
    select id, 7, 'paid', 'app' from customers where id <= 5 returning id, total_cents),
paid as (
    insert into payments (order_id, provider, card, amount_cents, status, captured_at)
    select id, 'banka', md5(id::text), total_cents, 'captured', now() from placed returning id)
insert into payment_attempts (payment_id, provider, result) select id, 'banka', 'captured' from paid
returning id"""


@dataclass
class Place:
    """A checkout with an application and a database, in which one procedure is killed.

    Args:
        root: The checkout.
        conninfo: The application's database.
        before: The application's older revision.
        after: The one that is deployed.
        controlled_in: Where the application's own program starts and stops it.
        starts: What starts service and jobs.
        stops: What stops them.
        health: The address that says which revision answers.
        environ: The session's variables.
    """

    root: Path
    conninfo: str
    before: str
    after: str
    controlled_in: Path
    starts: tuple[tuple[str, ...], ...]
    stops: tuple[tuple[str, ...], ...]
    health: str
    environ: Mapping[str, str] = field(repr=False)

    def words(self, procedure: str) -> tuple[str, ...]:
        """The words of a procedure: of the deployment to staging, or of a rollback of it."""
        if procedure == "deploy":
            return ("deploy", "staging", "--revision", self.after, "--backup-check", "read")
        mode = "restore" if procedure == "restore" else "revert"
        return ("rollback", "--yes-roll-back", DATABASE, "--mode", mode)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command of gonogo's."""
        return subprocess.Popen(
            [sys.executable, "-m", "gonogo", *words],
            cwd=self.root,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        """Run a command of gonogo's to its end; its exit code, and all that it says."""
        started = self.start(*words)
        said, _ = started.communicate(timeout=300)
        return started.returncode, said

    def control(self, programs: Sequence[Sequence[str]], revision: str = "") -> None:
        """Start the application and its jobs, or stop them, by its own program."""
        environ = {**self.environ, "SHOP_REVISION": revision}
        for argv in programs:
            subprocess.run(
                argv, cwd=self.controlled_in, env=environ, capture_output=True, check=True
            )

    def ask(self, query: str, parameters: Sequence[object] = ()) -> object:
        """The first column of the first row of a query, or None."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            row = connection.execute(query.encode(), parameters or None).fetchone()
        return row[0] if row else None

    def serving(self) -> str:
        """The revision that answers that it is well; empty where nobody does."""
        with suppress(httpx.HTTPError, ValueError):
            answer = httpx.get(self.health, timeout=ANSWERS_WITHIN_S, trust_env=False)
            if answer.is_success:
                return answer.headers.get("x-shop-revision") or str(answer.json()["revision"])
        return ""

    def end(self) -> None:
        """End whatever runs, by the numbers that it left in its pid files."""
        for pattern in ("run/*.pid", "app/run/*.pid", "releases/*/run/*.pid"):
            for file in self.root.glob(pattern):
                with suppress(OSError, ValueError):
                    os.killpg(int(file.read_text("ascii").split()[0]), signal.SIGKILL)


DATABASE = "killed"


class Application(Protocol):
    """An application whose rollouts are killed.

    Args:
        title: What it is called on the page.
        rows: A query for the hash of every column that a rollback must bring back.
        written: What is written after the deployment, and kept by a rollback.
    """

    @property
    def title(self) -> str:
        """Its name."""
        ...

    @property
    def rows(self) -> str:
        """The query."""
        ...

    @property
    def written(self) -> str:
        """The statement."""
        ...

    def lay_out(self, server: EmbeddedServer, root: Path, conninfo: str) -> Place:
        """Lay out its older version and fill its empty database; nothing runs yet."""
        ...


@dataclass(frozen=True)
class StandIn:
    """The stand-in of the rehearsal: Python, changed in place."""

    title: str = "the stand-in"
    rows: str = (
        "select md5(string_agg(row(id, email, password_hash, name, google_id, role, auth_provider,"
        " created_at)::text, ';' order by id)) from users"
    )
    written: str = (
        "insert into users (id, email, name, created_at, is_admin) select"
        " md5(n::text)::uuid, 'new' || n || '@example.com', 'New', '2026-01-01', false"
        " from generate_series(1, 5) as n returning id"
    )

    def lay_out(self, server: EmbeddedServer, root: Path, conninfo: str) -> Place:
        """The sandbox's application, with an administrator to promote."""
        del server
        copy_project(ROOT, root)
        with session.connect(conninfo) as connection:
            world.create_base(connection, users=60)
            (admin,) = world.ask(connection, "select min(email) from users")
        made = surroundings.create_repository(root)
        text = ROLLOUT.read_text("utf-8").replace("admins = []", f'admins = ["{admin}"]', 1)
        (root / "rollout.toml").write_text(text, "utf-8")
        environ = surroundings.sandbox_environment(root, conninfo)
        program = (sys.executable, "ctl.py")
        return Place(
            root,
            conninfo,
            made.before,
            made.after,
            made.path,
            ((*program, "service", "start"), (*program, "jobs", "start")),
            ((*program, "jobs", "stop"), (*program, "service", "stop")),
            f"{environ['WEBHOOK_BASE_URL']}/health",
            environ,
        )


@dataclass(frozen=True)
class Shop:
    """examples/shop, with npm, TypeScript and Node.

    Args:
        released: Whether each revision is built in a directory of its own.
    """

    released: bool
    rows: str = """
        select md5(concat(
            (select string_agg(c::text, ';' order by id) from customers as c),
            (select string_agg(row(id, customer_id, total_cents, status, created_at)::text, ';'
                order by id) from orders),
            (select string_agg(
                row(id, order_id, provider, card, amount_cents, status, created_at)::text, ';'
                order by id) from payments)))"""
    written: str = WRITTEN

    @property
    def title(self) -> str:
        """What it is called on the page."""
        return f"the shop, {'releases beside' if self.released else 'built in place'}"

    def lay_out(self, server: EmbeddedServer, root: Path, conninfo: str) -> Place:
        """The example, built, with orders that are paid."""
        shop = lay_out(server, root, conninfo, released=self.released)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(ORDERS)
        before, after = (
            subprocess.check_output(
                ["git", "-C", root / "app", "rev-parse", tag], text=True
            ).strip()
            for tag in ("v1", "v2")
        )
        program = ("node", "ctl.mjs")
        return Place(
            root,
            conninfo,
            before,
            after,
            root / shop.place,
            ((*program, "start", "service"), (*program, "start", "worker")),
            ((*program, "stop", "worker"), (*program, "stop", "service")),
            f"{shop.environ['SHOP_URL']}/health",
            shop.environ,
        )


APPLICATIONS: Mapping[str, tuple[Application, ...]] = {
    "standin": (StandIn(),),
    "shop": (Shop(released=False), Shop(released=True)),
}
