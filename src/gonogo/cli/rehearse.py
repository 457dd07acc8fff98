"""``gonogo rehearse``: a whole rollout against a sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gonogo.config.project import Project
from gonogo.errors import UsageError
from gonogo.interruption import interruptible


def rehearse(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Stop before the rollback; leave everything running.")
    ] = False,
    incident: Annotated[
        str | None, typer.Option(help="The incident to inject; an unknown name lists them all.")
    ] = None,
    users: Annotated[
        int, typer.Option(min=60, max=100_000, help="Users of the application.")
    ] = 500,
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="Another seed makes other traffic.")
    ] = 1,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop what an earlier --keep left running.")
    ] = False,
) -> None:
    """Rehearse a whole rollout on a real PostgreSQL of its own."""
    from gonogo.report.narration import Narration
    from gonogo.sandbox.rehearsal import Rehearsal

    if stop and (keep or incident is not None):
        raise UsageError(
            "--stop goes with neither --keep nor --incident", "stop first, then rehearse again"
        )
    rehearsal = Rehearsal(Project.find(Path.cwd()), Narration.to_terminal(), users, seed)
    with interruptible("everything that was started is stopped"):
        if stop:
            rehearsal.stop_kept()
        else:
            rehearsal.run(incident=incident, keep=keep)
