"""``gonogo preflight``: whether everything that a deployment needs is there."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from gonogo.cli.endings import interruptible
from gonogo.cli.session import required_environment, unchecked_context
from gonogo.errors import GonogoError


def preflight(
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV.")
    ] = None,
    revision: Annotated[str, typer.Option(help="What is to run; by default git's HEAD.")] = "",
) -> None:
    """Look at everything that a deployment needs; change nothing."""
    from gonogo.report.narration import Narration
    from gonogo.rollout.preflight.alone import inspect

    named = required_environment(environment)
    context, variables = unchecked_context(named, os.environ, revision=revision)
    narration = Narration.to_terminal(streams=True)
    narration.chapter(f"Is all ready for a deployment to {named}?")
    with interruptible("nothing was changed"):
        ready = inspect(context, narration, variables)
    if not ready.problems:
        narration.say(f"ready: nothing stands in the way of ./noxw -s deploy_{named}", "bold")
        return
    narration.chapter("To be mended")
    for problem in ready.problems:
        narration.say(f"  ✗ {problem}")
    count = len(ready.problems)
    error = GonogoError(
        f"not ready: {count} {'problem stands' if count == 1 else 'problems stand'} in the way of a"
        f" deployment to {named}",
        "they are told above; nothing was changed",
    )
    error.add_note(f"log: {ready.log}")
    raise error
