"""One case's loop: plan, apply, ask, revert, prove the schema equal, apply again, ask again."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg
from pydantic import BaseModel, ConfigDict

from gonogo.config.project import Project
from gonogo.config.sections import RolloutConfig
from gonogo.errors import GonogoError
from gonogo.ledger.installation import install
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.migration import Migration, read
from gonogo.ledger.rows import NewDeployment
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, ask_bool, connect
from gonogo.postgres.sqlfile import NEEDS_ROWS
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.migrations.apply import MigrationEvent, apply_pending
from gonogo.rollout.migrations.revert import revert
from gonogo.rollout.preflight.trial import try_out
from gonogo.rollout.runner.context import RolloutContext
from gonogo.sandbox.databases import Databases

HERE = Path(__file__).parent
ANCHOR = "customers"
STAGES = ("plan", "apply", "holds", "revert", "equal", "apply again", "holds again")


class Case(BaseModel):
    """A migration with its revert; some need another one after it.

    Args:
        there: What is there before, beside the shop of ``base.sql``.
        up: The migration.
        revert: What takes it back.
        then: A second migration, which runs in the same deployment.
        then_revert: What takes that back.
        holds: A query of one boolean, true once it is applied.
        since: The first version of PostgreSQL that knows what it uses.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    there: str = ""
    up: str
    revert: str
    then: str = ""
    then_revert: str = ""
    holds: str
    since: int = 0

    def migrations(self) -> tuple[Migration, ...]:
        """Its files, as gonogo reads them."""
        files = {"001_case.sql": self.up, "001_case.revert.sql": self.revert}
        if self.then:
            files |= {"002_then.sql": self.then, "002_then.revert.sql": self.then_revert}
        return read(((name, text.encode()) for name, text in files.items()), "cases/")


@dataclass(frozen=True, slots=True)
class Result:
    """How far a case came.

    Args:
        failed: The stage that failed; empty where none did.
        why: What was said there.
    """

    failed: str = ""
    why: str = ""


def kinds() -> dict[str, dict[str, Case]]:
    """The cases by kind and name."""
    return {
        path.stem: {
            name: Case.model_validate(case)
            for name, case in tomllib.loads(path.read_text(encoding="utf-8")).items()
        }
        for path in sorted((HERE / "cases").glob("*.toml"))
    }


def build(conninfo: str) -> None:
    """Fill an empty database with what each case begins with."""
    with connect(conninfo) as connection:
        connection.execute((HERE / "base.sql").read_bytes())
        install(connection)


def run(databases: Databases, case: Case) -> Result:
    """Run a case in a database of its own, up to the stage that fails."""
    stage = "there"
    name = f"lab_{uuid4().hex}"
    conninfo = databases.create(name, databases.ensure_template("lab_shop", build))
    try:
        with connect(conninfo) as connection:
            connection.execute(case.there.encode())
            for stage, why in _loop(connection, conninfo, databases.server.bin_dir, case):
                if why:
                    return Result(stage, why)
    except (GonogoError, psycopg.Error) as error:
        after = STAGES[STAGES.index(stage) + 1] if stage in STAGES else STAGES[0]
        return Result(after, " ".join(str(error).split()))
    finally:
        databases.drop(name)
    return Result()


def _loop(
    connection: Connection, conninfo: str, bin_dir: Path, case: Case
) -> Iterator[tuple[str, str]]:
    """Each stage as it is over, and what is wrong with it."""
    migrations = case.migrations()
    before = schema_fingerprint(bin_dir, conninfo)
    yield "plan", _plan(connection, conninfo, bin_dir, migrations)
    deployment = _apply(connection, migrations)
    yield "apply", ""
    yield "holds", _asked(connection, case)
    revert(connection, migrations, deployment, on_event=_quietly, anchor=ANCHOR)
    yield "revert", ""
    equal = schema_fingerprint(bin_dir, conninfo) == before
    yield "equal", "" if equal else "the schema is not what it was"
    _apply(connection, migrations)
    yield "apply again", ""
    yield "holds again", _asked(connection, case)


def _plan(
    connection: Connection, conninfo: str, bin_dir: Path, migrations: tuple[Migration, ...]
) -> str:
    with TemporaryDirectory(prefix="gonogo-lab-") as place:
        section = {"cwd": place, "backup_dir": place}
        config = {"application": {"anchor": ANCHOR}, "archive_dir": place}
        context = RolloutContext(
            Project(Path(place)),
            Environment.STAGING,
            RolloutConfig.model_validate({**config, "environments": {"staging": section}}),
            DatabaseSettings(conninfo, "lab"),
            {"PATH": os.environ["PATH"]},
            bin_dir=bin_dir,
        )
        trial = try_out(connection, context, dict.fromkeys(migrations, "pending"))
    measured = all(
        one.effects is not None or NEEDS_ROWS in one.migration.file.marks
        for one in trial.migrations
    )
    return "; ".join(trial.problems or ([] if measured else trial.notes))


def _apply(connection: Connection, migrations: tuple[Migration, ...]) -> int:
    ledger = Ledger(connection)
    deployment = ledger.open_deployment(NewDeployment("staging", "b", "a", "m", "c", "lab"))
    apply_pending(connection, migrations, deployment, on_event=_quietly, anchor=ANCHOR)
    return deployment


def _asked(connection: Connection, case: Case) -> str:
    return "" if ask_bool(connection, case.holds.encode()) else f"is not true: {case.holds}"


def _quietly(_event: MigrationEvent) -> None:
    """Nobody watches."""
