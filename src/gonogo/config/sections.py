"""The sections of `rollout.toml`, each a frozen model; the whole file is one as well.

And what its folders hold by name: the migrations in place, a record of the archive.
"""

from __future__ import annotations

import re
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
from gonogo.config.project import MARKER, Project, read_toml, validated
from gonogo.errors import ConfigError, UsageError
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
        for name, section in self.environments.items():
            if self.stop_before_migrate and len(section.databases) > 1:
                raise ValueError(
                    f"stop_before_migrate would keep the application of {name} away until the last"
                    " database of the fleet is migrated: leave it out"
                )
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


VERSION = re.compile(r"[0-9]+")
REVERT_SUFFIX = ".revert.sql"


def versions(
    directory: Path, *, first: str | None = None, last: str | None = None
) -> tuple[str, ...]:
    """The versions of a directory's migrations, in the order of the files; none is read.

    Args:
        directory: Where the files lie.
        first: Lower versions are left out.
        last: Higher ones likewise.
    """
    names = [path.name for path in migration_files(directory, first, last) if path.suffix == ".sql"]
    numbered = [name.partition("_") for name in names if not name.endswith(REVERT_SUFFIX)]
    return tuple(number for number, below, _ in numbered if below and VERSION.fullmatch(number))


def migration_files(directory: Path, first: str | None, last: str | None) -> list[Path]:
    """The SQL files of a directory that are not of a version that is passed over, by name."""
    there = directory.iterdir() if directory.is_dir() else ()
    meant = (path for path in there if is_meant(path.name, first, last))
    # A revert that is no file is missing; a migration that is none cannot be read.
    return sorted(path for path in meant if path.is_file() or not path.name.endswith(REVERT_SUFFIX))


def is_meant(name: str, first: str | None, last: str | None) -> bool:
    """Whether a file is SQL, in capitals too, and not of a version that is passed over."""
    match = VERSION.match(name)
    return name.lower().endswith(".sql") and (match is None or is_within(match[0], first, last))


def is_within(version: str, first: str | None, last: str | None) -> bool:
    """Whether a version lies between the first and the last that are looked at."""
    number = int(version)
    return int(first or number) <= number <= int(last or number)


def project_here() -> tuple[Project, RolloutConfig]:
    """The project of the working directory, and its `rollout.toml`.

    Raises:
        UsageError: The working directory lies in no project.
        ConfigError: `rollout.toml` is invalid.
    """
    project = Project.find(Path.cwd())
    return project, RolloutConfig.load(project.root / MARKER)


def find_record(text: str, archive_dir: Path) -> Path:
    """The directory of a record.

    Args:
        text: The directory or a file in it, or the name of one in the archive.
        archive_dir: The archive.

    Raises:
        UsageError: There is none, or more than one.
    """
    given = Path(text)
    if given.is_file():
        given = given.parent
    if given.is_dir():
        return given.resolve()
    found = [path for path in (archive_dir / text, *_by_name(archive_dir, text)) if path.is_dir()]
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} records are called {text}" if found else f"there is no record {text}"
    raise UsageError(problem, f"name its directory; the archive is {archive_dir}")


def _by_name(archive_dir: Path, name: str) -> list[Path]:
    plain = name.strip() and "/" not in name and name not in {".", ".."}
    if not plain or not archive_dir.is_dir():
        return []
    return [place / name for place in sorted(archive_dir.iterdir()) if place.is_dir()]
