"""How whoever reads a message calls gonogo's commands here: by their own names, or through nox."""

from __future__ import annotations

import os

# Set by the noxfile: its sessions are how a checkout's user calls the commands.
CALLED_THROUGH = "GONOGO_CALLED_THROUGH"
SESSIONS = dict.fromkeys(("criteria", "reference", "schema"), "docs")


def command(name: str, *options: str) -> str:
    """A command line to type, such as ``gonogo deploy staging --plan``.

    Where a nox session runs this process: ``./noxw -s deploy_staging -- --plan``.

    Args:
        name: The command, with its argument where a session of its own stands for both.
        options: What follows it.
    """
    through = os.environ.get(CALLED_THROUGH)
    if not through:
        return " ".join(("gonogo", name, *options))
    session = SESSIONS.get(name, name.replace(" ", "_"))
    return " ".join((through, session, *(("--", *options) if options else ())))
