"""`[environments.*]` and `[identity]`: where one is deployed, by which commands, who answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from gonogo.config.application import (
    Location,
    Name,
    Seconds,
    Section,
    UrlPath,
    Variable,
    Word,
    not_empty,
)
from gonogo.config.project import meant
from gonogo.errors import UsageError
from gonogo.masking import is_secret
from gonogo.model.kinds import Environment

TWO_WEEKS_DAYS = 14
CURRENT = "current"
MOST_AT_ONCE = 32
MEMBER = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
SERVICE = r"^[^\s\[\]#'\\]+$"
ADDRESS = re.compile(r"https?://[\w.:\[\]-]+/?")
NotEmpty = Annotated[StrictStr, BeforeValidator(not_empty)]


def _address(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        raise ValueError("must be an address without a path: http://host:port")
    return text


Instance = Annotated[StrictStr, AfterValidator(_address)]


class CommandConfig(Section):
    """One command: a list of words, no shell.

    Args:
        run: The program and its arguments; {revision}, {previous_revision}, {target_revision},
            {python}, {environment}, {database} (of a fleet) and, where a backup is proved, {backup}
            are filled in.
        timeout_s: After this many seconds the command and its children are ended.
    """

    run: Annotated[tuple[Word, ...], Field(min_length=1)]
    timeout_s: Seconds = 600.0


class CommandsConfig(Section):
    """What a team runs at each station. A command that is left out is skipped, and said so.

    Args:
        make_backup: Makes a backup in place of gonogo's dump, and prints its name as the last line.
        prove_backup: Proves the backup called ``{backup}``, or fails.
        checkout: Brings the code to ``{revision}``.
        install: Installs the application's dependencies.
        build: Builds the application.
        lint: The application's own linter (staging).
        typecheck: The application's own type check (staging).
        test: The application's own tests (staging).
        stop_jobs: Stops the background jobs.
        stop_app: Stops the application.
        start_app: Starts the application, and returns.
        start_jobs: Starts the background jobs, and returns.
        revert_code: Brings the code back to ``{previous_revision}``; without it, git does.
        reinstall: Installs the old code's dependencies, after `revert_code`.
        rebuild: Builds the old code, after `revert_code`.
    """

    make_backup: CommandConfig | None = None
    prove_backup: CommandConfig | None = None
    checkout: CommandConfig | None = None
    install: CommandConfig | None = None
    build: CommandConfig | None = None
    test: CommandConfig | None = None
    lint: CommandConfig | None = None
    typecheck: CommandConfig | None = None
    stop_jobs: CommandConfig | None = None
    stop_app: CommandConfig | None = None
    start_app: CommandConfig | None = None
    start_jobs: CommandConfig | None = None
    revert_code: CommandConfig | None = None
    reinstall: CommandConfig | None = None
    rebuild: CommandConfig | None = None

    def named(self, name: str) -> CommandConfig | None:
        """One of them; None when it is left out, or no command of ours is called so."""
        command: CommandConfig | None = getattr(self, name, None)
        return command if name in type(self).model_fields else None

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        wanted = ["prove_backup"] if self.make_backup else []
        named = [name for name, one in self if one and "{backup}" in " ".join(one.run)]
        if named != wanted or (self.prove_backup and not wanted):
            raise ValueError("make_backup needs prove_backup, and that alone names {backup}")
        return self


class IdentityConfig(Section):
    """``[identity]``: where the application says which revision, and which start of it, answers.

    Args:
        path: What is asked, by GET and without a token.
        revision: The field of the JSON answer that holds the revision.
        header: The header of the answer that holds it.
        start: The field of the JSON answer that differs after each start: a time, a number.
    """

    path: UrlPath = "/"
    revision: Name | None = None
    header: Name | None = None
    start: Name | None = None


class PinnedConfig(Section):
    """Which database and application an environment is: a record of another is not of it.

    Args:
        system_identifier: The server's, as ``pg_control_system()`` says; without it, any.
        database: The database's name; without it, any.
        base_url: The address below which the endpoints lie; without it, any.
    """

    system_identifier: NotEmpty | None = None
    database: NotEmpty | None = None
    base_url: NotEmpty | None = None


class DatabaseConfig(Section):
    """One of ``[[environments.NAME.databases]]``: a member of a fleet.

    Args:
        name: What ``--database``, records and pages call it.
        url_env: The variable that holds its URL; either this or `service`.
        service: Its section of ``pg_service.conf``.
        group: What it belongs to: a region, a plan, a server.
        canary: Whether it is deployed before the others.
    """

    name: Annotated[StrictStr, Field(pattern=MEMBER)]
    url_env: Variable | None = None
    service: Annotated[StrictStr, Field(pattern=SERVICE)] | None = None
    group: NotEmpty | None = None
    canary: StrictBool = False

    @field_validator("url_env")
    @classmethod
    def _is_kept_secret(cls, name: str) -> str:
        if not is_secret(name):
            raise ValueError(f"only a name such as {name}_URL keeps an address out of the records")
        return name

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if (self.url_env is None) is (self.service is None):
            which = "neither" if self.url_env is None else "both"
            raise ValueError(f"{self.name} needs url_env or service, and has {which}")
        return self


class EnvironmentConfig(Section):
    """How one environment is deployed to.

    Args:
        pinned: Which database and application it is.
        databases: The members of a fleet; empty where one database is the environment's.
        databases_at_once: How many of them a gate asks at once, on one session each.
        cwd: Where the commands run: the application's directory.
        backup_dir: Where backups are kept.
        retention_days: Age in days after which a backup is listed as old; two weeks at least.
        direct_url: The server itself, where the session's variables lead through a connection
            pooler: host and port, and whatever else differs; never a password.
        git: The application's repository: true for `cwd`, false for none, or its directory.
        releases: Where each revision gets a directory of its own, built beside what runs; the link
            `current` next to it leads to the one that runs; the first deployment makes it. Without
            it, the code changes in `cwd`.
        keep_releases: How many of them are kept; the running and the previous one always are.
        commands: What to run.
        health_timeout_s: How long the application may take to become healthy, in seconds.
        stop_timeout_s: How long it may go on answering after it was stopped, in seconds.
        rolling: Instances are replaced one by one, so that something answers at any time.
        instances: The address of each instance, where there are several; else base_url alone.
        pid_file: The file that holds the number of the application's process.
        process: Prints what differs after each start of the application.
        pass_env: Patterns of the session's variables that commands see.
        env: Variables that commands get on top.
    """

    pinned: PinnedConfig = PinnedConfig()
    databases: tuple[DatabaseConfig, ...] = ()
    databases_at_once: Annotated[StrictInt, Field(ge=1, le=MOST_AT_ONCE)] = 2
    cwd: Location
    backup_dir: Location
    retention_days: Annotated[StrictInt, Field(ge=TWO_WEEKS_DAYS)] = 90
    direct_url: NotEmpty | None = None
    git: Annotated[StrictBool | Location, BeforeValidator(not_empty)] = False
    releases: Location | None = None
    keep_releases: Annotated[StrictInt, Field(ge=2)] = 3
    commands: CommandsConfig = CommandsConfig()
    health_timeout_s: Seconds = 60.0
    stop_timeout_s: Seconds = 30.0
    rolling: StrictBool = False
    instances: tuple[Instance, ...] = ()
    pid_file: Location | None = None
    process: CommandConfig | None = None
    pass_env: tuple[StrictStr, ...] = ("*",)
    env: Mapping[Variable, Word] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        names = [one.name for one in self.databases]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two databases are called {twice!r}")
        if names and self.direct_url:
            raise ValueError("direct_url is of one database: each member's variable names its own")
        if len(self.instances) > 1 and (self.pid_file or self.process):
            raise ValueError("pid_file and process tell of one instance, and there are several")
        if self.current is None:
            return self
        if not isinstance(self.git, Path):
            raise ValueError(  # noqa: TRY004  # pydantic takes a ValueError alone
                "releases are made by git: name the directory of its repository"
            )
        if not self.cwd.is_relative_to(self.current):
            raise ValueError(f"with releases, cwd is {self.current} or lies in it")
        if self.commands.checkout or self.commands.revert_code:
            raise ValueError("with releases, git checks out: leave checkout and revert_code out")
        return self

    @property
    def current(self) -> Path | None:
        """The link to the release that runs; None where the code is changed in place."""
        return self.releases.parent / CURRENT if self.releases else None

    @property
    def repository(self) -> Path | None:
        """The application's git repository; None when revisions are not git's."""
        if isinstance(self.git, Path):
            return self.git
        return self.cwd if self.git else None

    def member(self, name: Environment, database: str | None) -> DatabaseConfig | None:
        """The database of a fleet that a session works on; None where `name` is no fleet.

        Args:
            name: What this environment is called.
            database: What ``--database`` was given.

        Raises:
            UsageError: The fleet has none of that name, nothing says which of it is meant, or there
                is no fleet.
        """
        if not self.databases:
            if database is None:
                return None
            raise UsageError(
                f"--database={database}: rollout.toml names no databases of {name}", "leave it out"
            )
        known = [one.name for one in sorted(self.databases, key=lambda one: not one.canary)]
        if database is None:
            raise UsageError(
                f"{name} is a fleet, and nothing says which of its databases is meant",
                f"pass --database with one of {', '.join(known)}",
            )
        if found := next((one for one in self.databases if one.name == database), None):
            return found
        raise UsageError(
            f"--database={database}: {name} has no such database", meant(database, known)
        )
