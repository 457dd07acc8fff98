"""Production asks for the signed GO of staging; without it, for a reason, which is recorded."""

from __future__ import annotations

from gonogo.errors import GonogoError, UsageError
from gonogo.ledger.migration import digest
from gonogo.rollout.runner.context import RolloutContext, wanted_revision
from gonogo.rollout.runner.steps import Evidence, Skipped, Step
from gonogo.signing.permission import Permission, find_permission


def require_go(context: RolloutContext, override_reason: str | None) -> Permission | None:
    """Let nothing into production without a signed GO record of staging, or a reason.

    Args:
        context: The context of a deployment to production.
        override_reason: Why it goes without one; None when it does not.

    Returns:
        What lets it in; None when a reason does.

    Raises:
        UsageError: There is neither; which condition does not hold.
    """
    if override_reason is not None:
        if not override_reason.strip():
            raise UsageError("--override needs a reason; nothing was done")
        return None
    signers = context.config.allowed_signers
    if signers is None:
        raise _refused("rollout.toml names no allowed_signers, so nobody may sign one")
    wanted = {
        "revision": wanted_revision(context),
        "migrations_sha256": digest(context.migrations()),
        "criteria_sha256": context.criteria_sha256,
    }
    try:
        return find_permission(context.config.archive_dir, signers, wanted, context.staging_record)
    except GonogoError as error:
        raise _refused(error.problem) from error


def permission_step(override_reason: str | None) -> Step[RolloutContext]:
    """The step that looks for it, before anything is opened.

    Args:
        override_reason: Why production goes without one.
    """

    def run(context: RolloutContext, evidence: Evidence) -> str | Skipped:
        found = require_go(context, override_reason)
        if found is None:
            evidence["override"] = override_reason
            return Skipped(f"overridden: {override_reason}")
        evidence |= found.evidence
        return found.line

    return Step("permission", "Find the signed GO of staging", run)


def _refused(problem: str) -> UsageError:
    return UsageError(
        f"production needs a signed GO record of staging: {problem}; nothing was done",
        'sign one, or name one by --staging-record; or go with --override "reason", which is '
        "recorded",
    )
