"""`rollout.toml`: how a team deploys. TOML in, a validated frozen `RolloutConfig` out.

Every mistake in the file is a `ConfigError` that names the file, the dotted key, what was found and
what was probably meant. Paths in the file are relative to the directory that it lies in.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gonogo.config.application import (
        UNIQUE,
        ApplicationConfig,
        Asker,
        EndpointConfig,
        Endpoints,
        Form,
        PromotionConfig,
        Use,
        VariableConfig,
    )
    from gonogo.config.sections import (
        CommandConfig,
        CommandsConfig,
        EnvironmentConfig,
        RolloutConfig,
    )
else:

    def __getattr__(name: str) -> object:
        """Import the models, and pydantic with them, once one is used: `--help` needs none."""
        from gonogo.config import application, sections  # noqa: PLC0415  # see the docstring

        for module in (sections, application):
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(name)


__all__ = [
    "UNIQUE",
    "ApplicationConfig",
    "Asker",
    "CommandConfig",
    "CommandsConfig",
    "EndpointConfig",
    "Endpoints",
    "EnvironmentConfig",
    "Form",
    "PromotionConfig",
    "RolloutConfig",
    "Use",
    "VariableConfig",
]
