"""Which revision is to run, and which one runs now."""

from __future__ import annotations

from gonogo.application import code
from gonogo.errors import UsageError
from gonogo.ledger.rows import Deployment
from gonogo.rollout.runner.context import RolloutContext

UNKNOWN = "unknown"


def wanted_revision(context: RolloutContext) -> str:
    """The revision that is to run: git's full name of it, where the code is in git.

    Raises:
        UsageError: Nobody said which.
        CommandError: git does not know it.
    """
    repository, revision = context.section.repository, context.revision
    if repository:
        revision = code.resolve(repository, context.environ, revision or "HEAD")
    if not revision:
        raise UsageError("nobody said which revision is deployed", "pass it, or set git = true")
    return code.plain(revision)


def revisions(context: RolloutContext, latest: Deployment | None) -> tuple[str, str]:
    """What is to run, and what runs now.

    Args:
        context: The circumstances.
        latest: The newest deployment that the ledger knows.

    Raises:
        UsageError: Nobody said what is to run.
        CommandError: git does not know it.
    """
    repository = context.section.repository
    revision = wanted_revision(context)
    now = code.head(repository, context.environ) if repository else ""
    if latest is None:
        ran = now if now != revision else ""
    elif now in {"", revision, latest.revision}:
        # What failed or was taken back never came to run.
        ran = latest.revision if latest.outcome == "succeeded" else latest.previous_revision
    else:
        ran = now
    named = context.previous_revision
    if named and repository:
        named = code.resolve(repository, context.environ, named)
    return revision, code.plain(named or ran or UNKNOWN)
