"""The log of a short session: what was called, and how it ended.

Deployments, rollbacks and preflights keep a log of their steps, gates a record; the other commands
that speak with a database or sign something have one here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from gonogo.errors import GonogoError
from gonogo.model.kinds import Environment

if TYPE_CHECKING:
    from gonogo.rollout.runner.session_log import SessionLog

OPTION = "--environment"
LOGGED = frozenset(
    {
        "checklist",
        "final_report",
        "incident",
        "promote_admin",
        "sign_off",
        "status",
        "verify",
        "verify_record",
    }
)


def logged(words: Sequence[str], run: Callable[[], int]) -> int:
    """Run a command with a log; an error learns where that lies.

    Args:
        words: What was called, from the command's name on.
        run: Does it, and returns its exit code.

    Raises:
        GonogoError: It failed, as `run` raises it.
    """
    log = _open(words) if words[:1] and words[0] in LOGGED else None
    if log is None:
        return run()
    with log:
        log.write("started", words=list(words))
        started = time.monotonic()
        try:
            code = run()
        except BaseException as error:
            told = str(error) if isinstance(error, GonogoError) else type(error).__name__
            log.write("failed", error=told, elapsed_s=round(time.monotonic() - started, 3))
            error.add_note(f"log: {log.path}")
            raise
        log.write("finished", code=code, elapsed_s=round(time.monotonic() - started, 3))
    return code


def _open(words: Sequence[str]) -> SessionLog | None:
    """The log; none outside a checkout, or where nothing can be written: to look is not to fail."""
    from gonogo.config.project import Project
    from gonogo.errors import UsageError
    from gonogo.masking import Mask
    from gonogo.rollout.runner.session_log import SessionLog

    try:
        logs = Project.find(Path.cwd()).logs_dir
        return SessionLog.open(logs / _environment(words), words[0], Mask.of(os.environ))
    except (UsageError, OSError):
        return None


def _environment(words: Sequence[str]) -> str:
    """Whose log it is, as far as anyone said so: the option, else NODE_ENV."""
    given = [word.removeprefix("--environment=") for word in words]
    given += [after for word, after in pairwise(words) if word == OPTION]
    said = [name for name in (*given, os.environ.get("NODE_ENV", "")) if name in set(Environment)]
    return said[0] if said else "any"
