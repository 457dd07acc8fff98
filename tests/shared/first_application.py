"""The first application as the project's own rollout.toml describes it."""

from __future__ import annotations

from pathlib import Path

from gonogo.config.sections import RolloutConfig

CONFIG = RolloutConfig.load(Path(__file__).parents[2] / "rollout.toml")
HTTP = CONFIG.http
GATE = HTTP.asked_by("gate")
READY = next(one for one in GATE if one.ready)
PATHS = {one.name: one.path for one in HTTP.every}
ADMIN = PATHS["admin_closed"]
SMOKE = HTTP.smoke_names
