"""A person's consent: the name of the database, typed, or given by an option."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gonogo.errors import CancelledError, UsageError
from gonogo.model.measurement import DatabaseIdentity
from gonogo.report.narration import Narration

QUESTION = "  Type the name of the database to go on, anything else to cancel: "


def confirmed(
    narration: Narration,
    identity: DatabaseIdentity,
    told: Sequence[str],
    *,
    given: str | None,
    option: str,
) -> str:
    """Have a person name the database.

    Args:
        narration: Where it is told what this is about.
        identity: The database that is meant.
        told: What will be done, and to which database, in lines.
        given: What the option was given.
        option: The option's name.

    Returns:
        The name.

    Raises:
        UsageError: The option names another database, or there is nobody to ask.
        CancelledError: The person said no.
    """
    require_somebody(identity, given=given, option=option)
    # Also where an option said it beforehand: a log of CI tells then what was agreed to.
    narration.chapter("Is this what you want?" if given is None else f"Agreed to by {option}")
    for line in told:
        narration.say(f"  {line}")
    return _asked(identity.database) if given is None else given


def require_somebody(identity: DatabaseIdentity, *, given: str | None, option: str) -> None:
    """Refuse at once what `confirmed` would refuse later, whatever a person types.

    Args:
        identity: The database that is meant.
        given: What the option was given.
        option: The option's name.

    Raises:
        UsageError: The option names another database, or there is nobody to ask.
    """
    if given is not None and given != identity.database:
        raise UsageError(
            f"{option} {given}: the database is {identity.database}; nothing was done",
            "check which database the variables name",
        )
    if given is None and not sys.stdin.isatty():
        raise UsageError(
            "this asks for the name of the database as confirmation, and there is no terminal to"
            " ask at; nothing was done",
            f"run it in a terminal, or pass {option} with that name",
        )


def _asked(name: str) -> str:
    # On standard error, so that it is seen when standard output goes into a file.
    sys.stderr.write(QUESTION)
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    if typed != name:
        raise CancelledError("cancelled: that is not the database's name; nothing was done")
    return typed
