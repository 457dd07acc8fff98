"""The sections of `rollout.toml`, each a frozen model; the whole file is one as well."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from gonogo.config.application import (
    ApplicationConfig,
    EndpointConfig,
    Endpoints,
    Location,
    Mail,
    Name,
    PromotionConfig,
    Seconds,
    Section,
    UrlPath,
    Use,
    Variable,
    VariableConfig,
    Version,
    Word,
    not_empty,
)
from gonogo.config.project import Project, read_bytes, read_toml, validated
from gonogo.errors import ConfigError
from gonogo.model.kinds import Environment

TWO_WEEKS_DAYS = 14
NotEmpty = Annotated[StrictStr, BeforeValidator(not_empty)]
# What a gate judges by, beside its criteria file: every such file of checks/, and pytest's own.
JUDGED = ("*.toml", "*.py", "*.sql")
JUDGED_KEYS = {"application", "endpoints", "without", "migrations_from", "migrations_to"}
CURRENT = "current"
ADDRESS = re.compile(r"https?://[\w.:\[\]-]+/?")


def _address(text: str) -> str:
    if not ADDRESS.fullmatch(text):
        raise ValueError("must be an address without a path: http://host:port")
    return text


Instance = Annotated[StrictStr, AfterValidator(_address)]


class CommandConfig(Section):
    """One command: a list of words, no shell.

    Args:
        run: The program and its arguments; `PLACEHOLDERS` in braces are filled in.
        timeout_s: After this many seconds the command and its children are ended.
    """

    run: Annotated[tuple[Word, ...], Field(min_length=1)]
    timeout_s: Seconds = 600.0


class CommandsConfig(Section):
    """What a team runs at each station. A command that is left out is skipped, and said so.

    Args:
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


class AdmissionConfig(Section):
    """``[admission]``: what a deployment to production asks, beside a signed GO of staging.

    Args:
        signers: How many people must have signed "go".
        signer_is_not_deployer: Whether none of them may be who deploys.
        deployer: The variable that names who deploys; None takes the system's user.
        go_valid_days: How old the record may be, in days.
    """

    signers: Annotated[StrictInt, Field(ge=1)] = 1
    signer_is_not_deployer: StrictBool = False
    deployer: Variable | None = None
    go_valid_days: Annotated[StrictInt, Field(ge=1)] = 7


class PinnedConfig(Section):
    """Which database and application an environment is: a record of another is not of it.

    Args:
        system_identifier: The server's, as ``pg_control_system()`` says; None: any.
        database: The database's name; None: any.
        base_url: The address below which the endpoints lie; None: any.
    """

    system_identifier: NotEmpty | None = None
    database: NotEmpty | None = None
    base_url: NotEmpty | None = None


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


class EnvironmentConfig(Section):
    """How one environment is deployed to.

    Args:
        pinned: Which database and application it is.
        cwd: Where the commands run: the application's directory.
        backup_dir: Where backups are kept.
        retention_days: Age in days after which a backup is listed as old; two weeks at least.
        direct_url: The server itself, where the session's variables lead through a connection
            pooler: host and port, and whatever else differs; never a password.
        git: The application's repository: true for `cwd`, false for none, or its directory.
        releases: Where each revision gets a directory of its own, built beside what runs; the link
            `current` next to it leads to the one that runs. None changes the code in `cwd`.
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
    cwd: Location
    backup_dir: Location
    retention_days: Annotated[StrictInt, Field(ge=TWO_WEEKS_DAYS)] = 90
    direct_url: NotEmpty | None = None
    git: Annotated[StrictBool | Location, BeforeValidator(not_empty)] = False
    releases: Location | None = None
    commands: CommandsConfig = CommandsConfig()
    health_timeout_s: Seconds = 60.0
    stop_timeout_s: Seconds = 30.0
    rolling: StrictBool = False
    instances: tuple[Instance, ...] = ()
    pid_file: Location | None = None
    process: CommandConfig | None = None
    pass_env: tuple[StrictStr, ...] = ("*",)
    env: Mapping[Variable, Word] = Field(default_factory=dict)

    def runs(self, uses: Collection[Use]) -> frozenset[Use]:
        """What of `uses` is run here: a command that is left out inherits no variable."""
        return frozenset(use for use in uses if use == "endpoints" or self.commands.named(use))

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
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


class RolloutConfig(Section):
    """The whole of ``rollout.toml``.

    Args:
        archive_dir: Where records are kept.
        allowed_signers: Who may sign records, in ssh-keygen's own format; None: nobody.
        admission: What a deployment to production asks of staging's record.
        gate_role: The role that the gate measures with; it is granted what it needs.
        without: Groups that cannot be asked here, by name.
        admins: E-mail addresses of the users to promote.
        migrations_dir: Where the migrations lie; None takes the project's own.
        migrations_from: The first version that a deployment looks at; what comes before it is in
            place, made by whoever migrated until then. None looks at all.
        migrations_to: The last version that a deployment looks at; what comes after it waits for a
            later one. None looks at all.
        stop_before_migrate: Stop the application before its migrations, not after them.
        application: What the rollout must know of the application itself.
        variables: What the session's variables must look like, and what needs them.
        endpoints: What the application answers over HTTP.
        identity: Where it says who it is.
        promotion: How its administrators are made; None where it has none in its database.
        environments: By name.
    """

    archive_dir: Location
    allowed_signers: Location | None = None
    admission: AdmissionConfig = AdmissionConfig()
    gate_role: StrictStr | None = None
    without: tuple[StrictStr, ...] = ()
    admins: tuple[Mail, ...] = ()
    migrations_dir: Location | None = None
    migrations_from: Version | None = None
    migrations_to: Version | None = None
    stop_before_migrate: StrictBool = False
    application: ApplicationConfig = ApplicationConfig()
    variables: Mapping[Variable, VariableConfig] = Field(default_factory=dict)
    endpoints: tuple[EndpointConfig, ...] = ()
    identity: IdentityConfig = IdentityConfig()
    promotion: PromotionConfig | None = None
    environments: Mapping[Environment, EnvironmentConfig]

    @classmethod
    def load(cls, path: Path, *, base: Path | None = None) -> Self:
        """Read and validate a rollout file.

        Args:
            path: The TOML file.
            base: What relative paths in it are relative to; the file's own directory by default.

        Raises:
            ConfigError: The file cannot be read, is no TOML, or a key of it cannot be meant.
        """
        context = {"base": (base or path.parent).resolve()}
        return validated(cls, read_toml(path), path, _known_keys, context)

    @property
    def http(self) -> Endpoints:
        """The application as it is asked over HTTP."""
        base_url, variables = self.application.base_url, self.variables
        return Endpoints(base_url=base_url, every=self.endpoints, variables=variables)

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if problem := self.http.nonsense():
            raise ValueError(problem)
        if int(self.migrations_from or 0) > int(self.migrations_to or self.migrations_from or 0):
            raise ValueError("migrations_from comes after migrations_to")
        if self.admins and self.promotion is None:
            raise ValueError("admins need [promotion], which says how one is made")
        return self

    def judged_by(self, project: Project, criteria_file: Path | None = None) -> str:
        """The hash of all that a gate judges by, whose lines end as on any machine.

        It covers the criteria file, the surveys, checks and checklist of ``checks/``, the project's
        ``conftest.py``, and what of this file decides what is asked.

        Args:
            project: Where they lie.
            criteria_file: In place of the project's own.

        Raises:
            ConfigError: A file cannot be read.
        """
        there = {path for kind in JUDGED for path in project.criteria_file.parent.rglob(kind)}
        own = (project.criteria_file, project.root / "conftest.py")
        files = {
            path.relative_to(project.root).as_posix(): path
            for path in (*there, *own)
            if path.is_file()
        }
        files["checks/criteria.toml"] = criteria_file or project.criteria_file
        keys = self.model_dump(mode="json", include=JUDGED_KEYS, exclude_unset=True)
        parts = {name: read_bytes(path).replace(b"\r\n", b"\n") for name, path in files.items()}
        parts["rollout.toml"] = json.dumps(keys, sort_keys=True).encode()
        lines = (f"{sha256(parts[name]).hexdigest()}  {name}\n" for name in sorted(parts))
        return sha256("".join(lines).encode()).hexdigest()

    def environment(self, name: Environment) -> EnvironmentConfig:
        """How to deploy to `name`.

        Raises:
            ConfigError: The file does not say.
        """
        if name in self.environments:
            return self.environments[name]
        raise ConfigError("is missing", f"add [environments.{name}]", key=f"environments.{name}")


_SECTIONS: dict[str, type[BaseModel]] = {
    "application": ApplicationConfig,
    "variables": VariableConfig,
    "endpoints": EndpointConfig,
    "identity": IdentityConfig,
    "promotion": PromotionConfig,
    "admission": AdmissionConfig,
    "pinned": PinnedConfig,
    **dict.fromkeys(Environment, EnvironmentConfig),
    "process": CommandConfig,
    "commands": CommandsConfig,
    **dict.fromkeys(CommandsConfig.model_fields, CommandConfig),
}


def _known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of the section at `path`, found by walking the models as pydantic did."""
    section: type[BaseModel] = RolloutConfig
    for part in path:
        section = _SECTIONS.get(part, section)
    return tuple(section.model_fields)
