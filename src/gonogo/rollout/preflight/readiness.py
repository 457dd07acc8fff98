"""Whether everything is ready for a deployment: as its first step, or by itself (`preflight`).

Production also needs the signed GO of staging, or a reason to go without it, which is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gonogo.config.environments import PinnedConfig
from gonogo.errors import GonogoError, UnreadyError, UsageError
from gonogo.ledger.deployer import holder
from gonogo.ledger.migration import digest
from gonogo.model.kinds import Environment
from gonogo.model.step import Tell
from gonogo.postgres.session import connect
from gonogo.postgres.snapshot import identify
from gonogo.rollout.anchors import of_ledger, published
from gonogo.rollout.preflight.ground import Ground, Item, look_at, problems_of, require
from gonogo.rollout.preflight.items import ITEMS
from gonogo.rollout.preflight.tryout import Tryout
from gonogo.rollout.runner.context import RolloutContext, wanted_revision
from gonogo.rollout.runner.site import require_same
from gonogo.rollout.runner.steps import Evidence, Skipped, Step, running
from gonogo.rollout.runner.work import Work
from gonogo.signing.permission import Asked, Permission, find_permission


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a preflight found.

    Args:
        problems: What stands in the way, a line each.
        log: The preflight's log.
    """

    problems: tuple[str, ...]
    log: Path


def check_readiness(work: Work, evidence: Evidence) -> str:
    """Check that everything a deployment needs is there; all problems are listed at once."""
    ground = Ground(work.context, work.site.connection)
    problems: list[str] = []
    proved: dict[str, str] = {}
    for item in ITEMS:
        try:
            result = look_at(item, ground)
            proved[item.name] = result.reason if isinstance(result, Skipped) else result
        except GonogoError as error:
            problems += problems_of(error)
    for note in ground.notes:
        work.site.runner.note(note)
    evidence |= {
        "migrations": [one.filename for one in work.migrations],
        "proved": proved,
        "problems": problems,
        "notes": list(ground.notes),
        "locks": ground.locks,
    }
    if problems:
        raise UnreadyError(
            "; ".join(problems),
            "nothing was changed; fix these and try again",
            problems=tuple(problems),
        )
    return f"{len(proved)} of {len(ITEMS)} items: {', '.join(proved)}"


def inspect(
    context: RolloutContext, tell: Tell, variables: Sequence[str], *, builds: bool = False
) -> Readiness:
    """Look at everything that a deployment needs, and change nothing.

    Args:
        context: The rollout's context; its database is asked unless its source is empty.
        tell: Shows each item.
        variables: The problems with the session's variables.
        builds: Whether the revision is built in a scratch directory.

    Raises:
        UsageError: No log can be written.
    """
    problems: list[str] = []
    ground = Ground(context, None)
    with (
        running("preflight", tell, context.logs, context.environ) as runner,
        ExitStack() as stack,
    ):
        for item in _items(Tryout(context, runner, stack, builds), stack, variables):
            noted = len(ground.notes)
            try:
                runner.run(_step(item), ground)
            except GonogoError as error:
                problems += problems_of(error)
            proved = runner.records[-1].proved
            for note in ground.notes[noted:]:
                if note != proved:
                    runner.note(note)
        return Readiness(tuple(problems), runner.log.path)


def _items(tryout: Tryout, stack: ExitStack, variables: Sequence[str]) -> Iterator[Item]:
    def look_at_variables(ground: Ground) -> str:
        require(variables)
        return f"present and well-formed, NODE_ENV is {ground.context.environment}"

    def reach(ground: Ground) -> str | Skipped:
        if not ground.context.database.source:
            return Skipped("no database is named")
        connection = stack.enter_context(connect(ground.context.database.conninfo, "gonogo"))
        connection.execute("set default_transaction_read_only = on")
        ground.reached = connection
        return _identified(ground)

    yield Item("variables", "The session's variables", look_at_variables, asks_database=False)
    yield Item("database", "The database", reach, asks_database=False)
    yield from ITEMS
    if tryout.context.environment is Environment.PRODUCTION:
        yield Item("permission", "The signed GO of staging", _permission, asks_database=False)
    yield from tryout.items


def _step(item: Item) -> Step[Ground]:
    def run(ground: Ground, evidence: Evidence) -> str | Skipped:
        del evidence
        if item.asks_database and ground.reached is None:
            return Skipped("the database was not reached")
        return look_at(item, ground)

    return Step(item.name, item.title, run)


def _identified(ground: Ground) -> str:
    if note := require_same(ground.connection, ground.context.database):
        ground.notes.append(note)
    identity = identify(ground.connection)
    if identity.standby:
        require(["this server is a standby, and cannot be written to: name the primary"])
    if refusal := ground.refusal:
        require([f"{refusal}: check which database the variables name"])
    if other := holder(ground.connection):
        ground.notes.append(f"another deployer is at work: {other}")
    mark = ground.mark
    known = f"known as {mark.name}" if mark else "without a ledger yet"
    return f"{identity.database} ({ground.context.database.shown}), {known}"


def _permission(ground: Ground) -> str | Skipped:
    found = require_go(ground.context, None)
    return found.line if found else Skipped("overridden")


def require_go(context: RolloutContext, override_reason: str | None) -> Permission | None:
    """Refuse a deployment to production without a signed GO record of staging or a reason.

    Args:
        context: The context of a deployment to production.
        override_reason: Why it goes without a record; None when it does not.

    Returns:
        The permission by a record; None when a reason overrides it.

    Raises:
        UsageError: There is neither; names the condition that does not hold.
    """
    if override_reason is not None:
        if not override_reason.strip():
            raise UsageError("--override needs a reason; nothing was done")
        return None
    signers = context.config.allowed_signers
    if signers is None:
        raise _refused("rollout.toml names no allowed_signers, so there can be none")
    rules, staging = context.config.admission, context.config.environments.get(Environment.STAGING)
    if rules.deployer and rules.signer_is_not_deployer and not context.environ.get(rules.deployer):
        raise _refused(f"{rules.deployer} is not set, which says who deploys")
    anchor = context.config.anchor
    asked = Asked(
        allowed_signers=signers,
        templates_dir=context.project.templates_dir,
        subject={
            "revision": wanted_revision(context),
            "migrations_sha256": digest(context.migrations()),
            "criteria_sha256": context.criteria_sha256,
        },
        rules=rules,
        pinned=staging.pinned if staging else PinnedConfig(),
        members=[one.name for one in staging.databases] if staging else [],
        deployer=context.deployed_by,
        anchors=(
            *(of_ledger(context.database) if context.database.source else ()),
            *(published(anchor, context.environ) if anchor else ()),
        ),
    )
    try:
        return find_permission(context.config.archive_dir, asked, context.staging_record)
    except GonogoError as error:
        raise _refused(error.problem) from error


def permission_step(override_reason: str | None) -> Step[RolloutContext]:
    """The step that looks for the signed GO of staging, before anything is opened.

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
