"""record.json of a run that is not over, or that ended before its time: what is known, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from gonogo.errors import GonogoError
from gonogo.model.window import format_moment
from gonogo.record.canonical import canonical_json
from gonogo.record.schema import ENDED_BY, SCHEMA, with_top_level


def running(header: Mapping[str, object], environment: str) -> bytes:
    """The document of a run that is not over.

    Args:
        header: What is known so far.
        environment: Whose it is.
    """
    known = {**header, "schema": SCHEMA, "state": "running", "environment": environment}
    return canonical_json(with_top_level(known))


def aborted(header: Mapping[str, object], environment: str, why: str) -> bytes:
    """The document of a run that ended before its time.

    Args:
        header: What was known from the beginning.
        environment: Whose it is.
        why: In one line, without a secret.
    """
    facts = header.get("facts")
    told = {
        "schema": SCHEMA,
        "state": "aborted",
        "environment": environment,
        "finished_at": format_moment(datetime.now(UTC)),
        "facts": {**(facts if isinstance(facts, Mapping) else {}), ENDED_BY: why},
    }
    return canonical_json(with_top_level({**header, **told}))


def reason(error: BaseException) -> str:
    """Why an error ended a run, in one line."""
    if isinstance(error, GonogoError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "it was told to end: by Ctrl-C, by SIGTERM, or by a terminal that closed"
    return f"an error of gonogo's own, {type(error).__name__}"
