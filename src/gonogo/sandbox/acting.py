"""The rollout on its stage: deployed, taken back, and what each took; the gate's line by hand."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from gonogo.errors import SandboxError
from gonogo.report.narration import Narration
from gonogo.rollout.deploy import deploy
from gonogo.rollout.recording import recorded
from gonogo.rollout.rollback import Request, rollback
from gonogo.sandbox.client import client_at_work
from gonogo.sandbox.figures import Figure, Stopwatch, deployment_figure, rollback_figures
from gonogo.sandbox.stage import DATABASE, Stage

# What a person needs to run the same gate by hand; none of these is a secret.
SHOWN_VARIABLES = ("NODE_ENV", "DATABASE_URL", "WEBHOOK_BASE_URL")


def roll_out(stage: Stage, narration: Narration) -> tuple[Path, Figure]:
    """Deploy the new revision; its record, and how long it took.

    Raises:
        GonogoError: A step failed.
    """
    context = stage.context
    result, record = recorded("deployment", context, narration, lambda tell: deploy(context, tell))
    if result.error:
        raise result.error
    return record, deployment_figure(result.steps)


def roll_back(stage: Stage, narration: Narration, reason: str) -> tuple[Path, tuple[Figure, ...]]:
    """Roll the deployment back while a client reads and writes; its record, what it took.

    Raises:
        GonogoError: A step failed.
        SandboxError: The client was answered with an error.
    """
    context, watch = stage.context, Stopwatch("revert", narration)
    with client_at_work(stage.server.conninfo(DATABASE)) as client:
        result, record = recorded(
            "rollback", context, watch, lambda tell: rollback(context, tell, Request(reason=reason))
        )
    if result.error:
        raise result.error
    if client.errors:
        raise SandboxError(f"a client of users was refused: {client.errors[0]}")
    outage_s = client.outage_s(watch.began, watch.ended)
    return record, tuple(rollback_figures(watch.took_s, outage_s))


def by_hand(stage: Stage, options: list[str]) -> str:
    """The exact line that runs the gate on this world."""
    variables = [f"{name}={shlex.quote(stage.environ[name])}" for name in SHOWN_VARIABLES]
    words = [sys.executable, "-m", "pytest", "checks/", *options]
    return " ".join([*variables, shlex.join(words)])
