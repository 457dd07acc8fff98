"""What a rehearsal plays on: server, database, stand-in application, and the rollout's context."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from gonogo.application.commands import Commands
from gonogo.config.project import Project
from gonogo.errors import SandboxError
from gonogo.gate.run import sweep
from gonogo.interruption import admitted, held
from gonogo.masking import Mask
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.record.listing import list_records
from gonogo.report.narration import Narration
from gonogo.rollout.runner.context import RolloutContext
from gonogo.sandbox import surroundings, world
from gonogo.sandbox.server import EmbeddedServer, stop_stale
from gonogo.sandbox.surroundings import Repository, create_repository, sandbox_environment

DATABASE = "rehearsal"
DIRECTORY = "rehearsal"
SERVER = "postgresql"
DEPLOYED_AT = "select finished_at from gonogo.deployment order by id desc limit 1"


@dataclass(slots=True)
class Stage:
    """A running world.

    Args:
        project: The checkout.
        directory: Where all of its files but the records are.
        server: The embedded PostgreSQL.
        repository: The stand-in's two revisions.
        environ: Every variable that the rollout and the application need.
    """

    project: Project
    directory: Path
    server: EmbeddedServer
    repository: Repository
    environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def set_up(
        cls, project: Project, narration: Narration, users: int, seed: int, *, keep: bool
    ) -> Stage:
        """Build the world as it was before the rollout, after removing what an earlier one left.

        Args:
            project: The checkout.
            narration: Where its progress is shown.
            users: How many users the application has.
            seed: Another seed makes other users.
            keep: Whether it must outlive this process.

        Called where a signal is held, so that what was built is not lost on its way out of here.
        """
        directory = project.work_dir / DIRECTORY
        if stopped := cls.clear(project):
            narration.say(f"  stopped what an earlier rehearsal left: {', '.join(stopped)}")
        server = None
        try:
            with admitted():
                # Held: what is being started has no name yet by which it could be stopped.
                with narration.doing("Start PostgreSQL") as line, held():
                    server = EmbeddedServer.start(directory / SERVER, die_with_parent=not keep)
                    line.proved = _version(server)
                stage = cls._populated(project, directory, server, narration, (users, seed))
                with narration.doing("Start the application, old revision") as line:
                    stage.commands.run("start_app")
                    stage.commands.run("start_jobs")
                    line.proved = f"revision {stage.repository.before[:8]} is running"
        except BaseException as error:
            _take_down(project, server, because=error)
            raise
        return stage

    @classmethod
    def _populated(
        cls,
        project: Project,
        directory: Path,
        server: EmbeddedServer,
        narration: Narration,
        size: tuple[int, int],
    ) -> Stage:
        users, seed = size
        with psycopg.connect(server.conninfo(), autocommit=True) as link:
            link.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        conninfo = server.conninfo(DATABASE)
        with narration.doing("Users and their contacts") as line, psycopg.connect(conninfo) as link:
            world.create_base(link, users=users, seed=seed)
            line.proved = f"{users} users, the schema as before the rollout"
        repository = create_repository(directory)
        environ = sandbox_environment(directory, conninfo)
        return cls(project, directory, server, repository, environ)

    @classmethod
    def clear(cls, project: Project) -> tuple[str, ...]:
        """Stop whatever an earlier rehearsal left running and remove what it left lying.

        Returns:
            The names of what was stopped.
        """
        directory = project.work_dir / DIRECTORY
        # First, because it refuses while another run is at work, whose application is not ours.
        had_server = stop_stale(directory / SERVER)
        stopped = surroundings.stop_everything(directory)
        sweep(project)
        if had_server:
            stopped = (*stopped, "PostgreSQL")
        try:
            if directory.exists():
                shutil.rmtree(directory)
        except OSError as error:
            raise SandboxError(
                f"{directory} cannot be removed ({error.strerror})", "remove it by hand"
            ) from None
        return stopped

    def tear_down(self, *, because: BaseException | None = None) -> None:
        """Stop the application, its jobs and the server; remove what they left.

        Args:
            because: The error that makes it necessary; what goes wrong here becomes a note of it.

        Raises:
            SandboxError: Something cannot be stopped or removed, and there was no other error.
        """
        _take_down(self.project, self.server, because=because)

    @property
    def commands(self) -> Commands:
        """The rollout file's commands, as the deployment itself runs them."""
        context = self.context
        return Commands(
            context.environment,
            context.section,
            context.environ,
            self.repository.after,
            self.repository.before,
            Mask.of(context.environ),
            _unheard,
        )

    @property
    def context(self) -> RolloutContext:
        """What `deploy` and `rollback` work with."""
        archive_dir = self.project.root / "reports" / "archive"
        return RolloutContext(
            project=self.project,
            environment=Environment.STAGING,
            config=surroundings.load_rollout(self.directory, archive_dir),
            database=DatabaseSettings(self.server.conninfo(DATABASE), "the sandbox"),
            environ=self.environ,
            revision=self.repository.after,
            bin_dir=self.server.bin_dir,
            simulated=True,
        )

    def connect(self) -> psycopg.Connection[TupleRow]:
        """A connection to the application's database."""
        return psycopg.connect(self.server.conninfo(DATABASE), autocommit=True)

    def records(self) -> frozenset[Path]:
        """The directories of the records that are in the archive now."""
        return frozenset(one.directory for one in list_records(self.context.config.archive_dir))

    def deployed_at(self) -> datetime:
        """When the soak began."""
        with self.connect() as link:
            row = link.execute(DEPLOYED_AT).fetchone()
        if row is None or not isinstance(row[0], datetime):
            raise SandboxError("the ledger knows of no finished deployment")
        return row[0]


def _take_down(
    project: Project, server: EmbeddedServer | None, *, because: BaseException | None
) -> None:
    """Stop and remove everything, one after the other: what fails keeps nothing else running."""
    problems: list[SandboxError] = []
    # The claim on the server's directory is ours until the server has stopped.
    undoing: list[Callable[[], object]] = [
        partial(surroundings.stop_everything, project.work_dir / DIRECTORY),
        *([server.stop] if server else []),
        partial(Stage.clear, project),
    ]
    for undo in undoing:
        try:
            undo()
        except SandboxError as error:
            problems.append(error)
    if because is None:
        if problems:
            raise problems[0]
        return
    for problem in problems:
        because.add_note(str(problem))


def _unheard(command: str, line: str) -> None:
    """Ignore the output of the world's own commands; a failure quotes it."""


def _version(server: EmbeddedServer) -> str:
    with psycopg.connect(server.conninfo()) as link:
        return f"PostgreSQL {link.info.server_version // 10000}, pid {server.pid}"
