"""`rollout.toml`: how a team deploys. TOML in, a validated frozen `RolloutConfig` out.

Every mistake in the file is a `ConfigError` that names the file, the dotted key, what was found and
what was probably meant. Paths in the file are relative to the directory that it lies in.
"""

from gonogo.config.sections import (
    CommandConfig,
    CommandsConfig,
    EndpointsConfig,
    EnvironmentConfig,
    RolloutConfig,
)

__all__ = [
    "CommandConfig",
    "CommandsConfig",
    "EndpointsConfig",
    "EnvironmentConfig",
    "RolloutConfig",
]
