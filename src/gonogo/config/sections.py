"""The sections of `rollout.toml`, each a frozen model; the whole file is one as well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
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
    PromotionConfig,
    Section,
    Variable,
    VariableConfig,
    Version,
)
from gonogo.config.environments import (
    CommandConfig,
    CommandsConfig,
    EnvironmentConfig,
    IdentityConfig,
    PinnedConfig,
)
from gonogo.config.project import Project, read_bytes, read_toml, validated
from gonogo.errors import ConfigError
from gonogo.model.kinds import Environment

# What a gate judges by, beside its criteria file: every such file of checks/, and pytest's own.
JUDGED = ("*.toml", "*.py", "*.sql")
JUDGED_KEYS = {"application", "endpoints", "without", "migrations_from", "migrations_to"}


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
