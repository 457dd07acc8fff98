"""`rollout.toml`: how a team deploys. TOML in, a validated frozen `RolloutConfig` out.

Every mistake in the file is a `ConfigError` that names the file, the dotted key, what was found and
what was probably meant. Paths in the file are relative to the directory that it lies in.
"""

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
