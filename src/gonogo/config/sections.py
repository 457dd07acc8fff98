"""The sections of `rollout.toml`, each a frozen model; the whole file is one as well."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import (
    BaseModel,
    Field,
    StrictBool,
    StrictStr,
    field_validator,
    model_validator,
)

from gonogo.config.admission import AdmissionConfig, AnchorConfig
from gonogo.config.application import (
    ApplicationConfig,
    EndpointConfig,
    Endpoints,
    Location,
    Mail,
    PromotionConfig,
    Section,
    Use,
    Variable,
    VariableConfig,
    Version,
)
from gonogo.config.environments import (
    CommandConfig,
    CommandsConfig,
    DatabaseConfig,
    EnvironmentConfig,
    IdentityConfig,
    PinnedConfig,
)
from gonogo.config.project import read_toml, validated
from gonogo.errors import ConfigError
from gonogo.masking import is_secret
from gonogo.model.kinds import Environment

# What a notification may be about.
Event: TypeAlias = Literal[
    "verdict_changed",
    "no_go",
    "rollback",
    "deployment_failed",
    "soak_finished",
    "sign_off_wanted",
]
WebAddress = Annotated[StrictStr, Field(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")]


class NotificationConfig(Section):
    """One of ``[[notifications]]``: who is notified of what.

    Args:
        url_env: The variable that holds the address, as Apprise writes them.
        events: Which events are notified; all of them by default.
        archive_url: Where people find the archive in a browser; without it, its path is named.
    """

    url_env: Variable
    events: Annotated[tuple[Event, ...], Field(min_length=1)] = get_args(Event)
    archive_url: WebAddress | None = None

    @field_validator("url_env")
    @classmethod
    def _is_kept_secret(cls, name: str) -> str:
        if not is_secret(name):
            raise ValueError(f"only a name such as {name}_URL keeps an address out of the records")
        return name


class RolloutConfig(Section):
    """The whole of ``rollout.toml``.

    Args:
        archive_dir: Where records are kept.
        allowed_signers: Who may sign records, in ssh-keygen's own format; without it, nobody.
        admission: What a deployment to production asks of staging's record.
        anchor: The git ref that holds the heads of the archive's chains; without it, none does.
        gate_role: The role that the gate measures with; it is granted what it needs.
        without: Groups that cannot be asked here, by name.
        admins: E-mail addresses of the users to promote.
        migrations_dir: Where the migrations lie; without it, in the project's own migrations/.
        migrations_from: The first version that a deployment looks at; without it, at all.
        migrations_to: The last one; what comes after it waits for a later deployment.
        simulated: Whether its databases are a rehearsal's, whose records allow no deployment.
        stop_before_migrate: Stop the application before its migrations, not after them.
        application: What the rollout must know of the application itself.
        variables: What the session's variables must look like, and what needs them.
        endpoints: What the application answers over HTTP.
        identity: Where it says who it is.
        promotion: How its administrators are made; left out where its database has none.
        notifications: Who is notified of what, and where.
        environments: By name.
    """

    archive_dir: Location
    allowed_signers: Location | None = None
    admission: AdmissionConfig = AdmissionConfig()
    anchor: AnchorConfig | None = None
    gate_role: StrictStr | None = None
    without: tuple[StrictStr, ...] = ()
    admins: tuple[Mail, ...] = ()
    migrations_dir: Location | None = None
    migrations_from: Version | None = None
    migrations_to: Version | None = None
    simulated: StrictBool = False
    stop_before_migrate: StrictBool = False
    application: ApplicationConfig = ApplicationConfig()
    variables: Mapping[Variable, VariableConfig] = Field(default_factory=dict)
    endpoints: tuple[EndpointConfig, ...] = ()
    identity: IdentityConfig = IdentityConfig()
    promotion: PromotionConfig | None = None
    notifications: tuple[NotificationConfig, ...] = ()
    environments: Mapping[Environment, EnvironmentConfig]

    @classmethod
    def load(cls, path: Path, *, base: Path | None = None) -> Self:
        """Read and validate a rollout file.

        Args:
            path: The TOML file.
            base: What relative paths in it are relative to; by default its directory.

        Raises:
            ConfigError: The file cannot be read, is no TOML, or a key of it cannot be meant.
        """
        context = {"base": (base or path.parent).resolve()}
        return validated(cls, read_toml(path), path, _known_keys, context)

    @property
    def http(self) -> Endpoints:
        """The application as it is asked over HTTP."""
        base_url = self.application.base_url
        return Endpoints(base_url=base_url, every=self.endpoints, variables=self.variables)

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if problem := self.http.nonsense():
            raise ValueError(problem)
        if int(self.migrations_from or 0) > int(self.migrations_to or self.migrations_from or 0):
            raise ValueError("migrations_from comes after migrations_to")
        if self.admins and self.promotion is None:
            raise ValueError("admins need [promotion], which says how one is made")
        return self

    def runs(self, name: Environment, uses: Collection[Use]) -> frozenset[Use]:
        """What of `uses` is run in an environment: what is left out inherits no variable."""
        commands, asks = self.environment(name).commands, "endpoints" not in self.without
        return frozenset(
            use for use in uses if (asks if use == "endpoints" else commands.named(use))
        )

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
    "anchor": AnchorConfig,
    "pinned": PinnedConfig,
    "notifications": NotificationConfig,
    **dict.fromkeys(Environment, EnvironmentConfig),
    "databases": DatabaseConfig,
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
