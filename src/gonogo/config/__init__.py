"""`rollout.toml`: how a team deploys. TOML in, a validated frozen `RolloutConfig` out.

Every mistake in the file is a `ConfigError` that names the file, the dotted key, what was found and
what was probably meant. Paths in the file are relative to the directory that it lies in.
"""

from importlib import import_module
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
        for room in ("sections", "application"):
            models = vars(import_module(f"{__name__}.{room}"))
            if name in __all__ and name in models:
                return models[name]
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
