"""The sections of `rollout.toml`, each a frozen model; the whole file is one as well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
)

from gonogo.config.tomlfile import config_error, read_toml
from gonogo.config.values import (
    Location,
    Mail,
    Seconds,
    UrlPath,
    Variable,
    Version,
    Word,
    not_empty,
)
from gonogo.errors import ConfigError
from gonogo.model.kinds import Environment

TWO_WEEKS_DAYS = 14


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CommandConfig(_Section):
    """One command: a list of words, no shell.

    Args:
        run: The program and its arguments; `PLACEHOLDERS` in braces are filled in.
        timeout_s: After this many seconds the command and its children are ended.
    """

    run: Annotated[tuple[Word, ...], Field(min_length=1)]
    timeout_s: Seconds = 600.0


class CommandsConfig(_Section):
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


class EndpointsConfig(_Section):
    """Paths below ``WEBHOOK_BASE_URL``.

    Args:
        health: Answers 200 with ``{"status": "healthy"}``.
        admin: Answers 401 or 403 without a token, 200 with ``ADMIN_JWT``.
        dashboard: The admin's page: 200.
        webhook: Takes Google's notifications.
        manual_sync: Starts a synchronization of the token's user (smoke requests only).
        after_rollback: Which of health, admin_closed, admin_open, dashboard the version before
            had: those are verified after a rollback.
    """

    health: UrlPath = "/health"
    admin: UrlPath = "/api/admin/sync-health"
    dashboard: UrlPath = "/admin/sync-health.html"
    webhook: UrlPath = "/api/webhooks/calendar"
    manual_sync: UrlPath = "/api/sync/manual"
    after_rollback: tuple[Literal["health", "admin_closed", "admin_open", "dashboard"], ...] = (
        "health",
    )


class EnvironmentConfig(_Section):
    """How one environment is deployed to.

    Args:
        cwd: Where the commands run: the application's directory.
        backup_dir: Where backups are kept.
        retention_days: Age in days after which a backup is listed as old; two weeks at least.
        git: The application's repository: true for `cwd`, false for none, or its directory.
        commands: What to run.
        health_timeout_s: How long the application may take to become healthy, in seconds.
        pass_env: Patterns of the session's variables that commands see.
        env: Variables that commands get on top.
    """

    cwd: Location
    backup_dir: Location
    retention_days: Annotated[StrictInt, Field(ge=TWO_WEEKS_DAYS)] = 90
    git: Annotated[StrictBool | Location, BeforeValidator(not_empty)] = False
    commands: CommandsConfig = CommandsConfig()
    health_timeout_s: Seconds = 60.0
    pass_env: tuple[StrictStr, ...] = ("*",)
    env: Mapping[Variable, Word] = Field(default_factory=dict)

    @property
    def repository(self) -> Path | None:
        """The application's git repository; None when revisions are not git's."""
        if isinstance(self.git, Path):
            return self.git
        return self.cwd if self.git else None


class RolloutConfig(_Section):
    """The whole of ``rollout.toml``.

    Args:
        archive_dir: Where records are kept.
        allowed_signers: Who may sign records, in ssh-keygen's own format; None: nobody.
        gate_role: The role that the gate measures with; it is granted what it needs.
        without: Groups that cannot be asked here, by name.
        admins: E-mail addresses of the users to promote.
        migrations_dir: Where the migrations lie; None takes the project's own.
        migrations_from: The first version that a deployment looks at; what comes before it is in
            place, made by whoever migrated until then. None looks at all.
        endpoints: Paths of the application.
        environments: By name.
    """

    archive_dir: Location
    allowed_signers: Location | None = None
    gate_role: StrictStr | None = None
    without: tuple[StrictStr, ...] = ()
    admins: tuple[Mail, ...] = ()
    migrations_dir: Location | None = None
    migrations_from: Version | None = None
    endpoints: EndpointsConfig = EndpointsConfig()
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
        document = read_toml(path)
        context = {"base": (base or path.parent).resolve()}
        try:
            return cls.model_validate(document, context=context)
        except ValidationError as error:
            raise config_error(str(path), error, _known_keys) from None

    def environment(self, name: Environment) -> EnvironmentConfig:
        """How to deploy to `name`.

        Raises:
            ConfigError: The file does not say.
        """
        if name in self.environments:
            return self.environments[name]
        raise ConfigError("is missing", f"add [environments.{name}]", key=f"environments.{name}")


_SECTIONS: dict[str, type[BaseModel]] = {
    "endpoints": EndpointsConfig,
    **dict.fromkeys(Environment, EnvironmentConfig),
    "commands": CommandsConfig,
    **dict.fromkeys(CommandsConfig.model_fields, CommandConfig),
}


def _known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of the section at `path`, found by walking the models as pydantic did."""
    section: type[BaseModel] = RolloutConfig
    for part in path:
        section = _SECTIONS.get(part, section)
    return tuple(section.model_fields)
