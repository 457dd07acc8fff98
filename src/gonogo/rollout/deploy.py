"""Deploy: its steps from first to last, and what follows a failure.

The next run resumes one that was killed, and a second run of a finished deployment changes
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime

import psycopg

from gonogo.application import code, release
from gonogo.application.environment import OF_STAGING, deploys
from gonogo.errors import DatabaseError, GonogoError
from gonogo.ledger import history
from gonogo.ledger.migration import Migration, named
from gonogo.model.kinds import Environment
from gonogo.model.step import Tell
from gonogo.postgres.session import connect
from gonogo.rollout import fleet
from gonogo.rollout.application_steps import (
    CHECKOUT_AGAIN,
    SWITCH,
    build_step,
    check_out,
    command_step,
    restarted,
    verify_endpoints,
    wait_healthy,
)
from gonogo.rollout.backup_steps import BACKUP_AGAIN, back_up
from gonogo.rollout.database_steps import (
    MIGRATE_AGAIN,
    grant,
    migrate,
    promote,
    verify_schema,
)
from gonogo.rollout.identity_steps import IDENTITY, SEEN, STOP_STANDS, STOPPED, outage_of
from gonogo.rollout.preflight.readiness import check_readiness, permission_step, require_go
from gonogo.rollout.preflight.trial import stops_first
from gonogo.rollout.recovery import after_failure, after_interruption, dead
from gonogo.rollout.rollback import Request, roll_back, rollback
from gonogo.rollout.runner.back import span
from gonogo.rollout.runner.context import RolloutContext, wanted_revision
from gonogo.rollout.runner.result import DeploymentResult, RollbackResult, provenance
from gonogo.rollout.runner.site import Consent, open_site
from gonogo.rollout.runner.steps import LOOKS, Step, running
from gonogo.rollout.runner.work import Work, begin, carry_out, reread
from gonogo.screen import command

STEPS: tuple[Step[Work], ...] = (
    Step("preflight", "Check that everything is ready", check_readiness),
    Step("backup", "Back up the database and prove the backup", back_up, BACKUP_AGAIN),
    Step("checkout", "Bring the code to the revision", check_out, CHECKOUT_AGAIN),
    build_step("install", "Install the application's dependencies"),
    build_step("build", "Build the application", last=True),
    command_step("lint", "Run the application's linter"),
    command_step("typecheck", "Check the application's types"),
    Step("migrate", "Migrate the database", migrate, MIGRATE_AGAIN),
    Step("verify_schema", "Verify the schema", verify_schema, LOOKS),
    command_step("test", "Run the application's tests"),
    SEEN,
    command_step("stop_jobs", "Stop the background jobs", STOP_STANDS),
    command_step("stop_app", "Stop the application", STOP_STANDS),
    STOPPED,
    SWITCH,
    command_step("start_app", "Start the application", restarted("stop_app")),
    command_step("start_jobs", "Start the background jobs", restarted("stop_jobs")),
    Step("wait_healthy", "Wait until the application is healthy", wait_healthy, LOOKS),
    IDENTITY,
    Step("endpoints", "Verify the endpoints", verify_endpoints, LOOKS),
    Step("grants", "Grant the gate's role what it needs", grant),
    Step("admins", "Promote the administrators", promote),
)
STOPS = (SEEN.name, "stop_jobs", "stop_app", STOPPED.name)
# Steps whose failure triggers an automatic rollback in production; staging stops instead.
ROLLED_BACK = {
    "migrate": "the migration failed",
    "verify_schema": "the migrated schema did not verify",
}

SEE = (
    f"see that all is in place: {command('verify')}; with --smoke it also sends the requests that"
    " change something"
)
STAGING_NEXT = (
    SEE,
    f"watch for 48 hours: {command('monitor staging')}, as often as wanted",
    f"decide on the whole window's record: {command('sign_off', 'RECORD --decision go --by NAME')}",
)
FLEET_NEXT = (
    "deploy to the other databases of the fleet in the same way: the last one's deployment brings"
    " the application to this revision"
)
PRODUCTION_NEXT = (
    SEE,
    f"watch closely for 24 hours: {command('monitor production', '24h')}, at hours 1, 4, 8, 12, 24",
    f"then daily to day 14: {command('monitor production', '7d')}, then 14d",
    f"sum it up: {command('final_report')}",
    f"inform the team; when a rollback trigger fires: {command('rollback')}",
)


def deploy(
    context: RolloutContext,
    tell: Tell,
    consent: Consent | None = None,
    *,
    override_reason: str | None = None,
) -> DeploymentResult:
    """Deploy the application's revision.

    Args:
        context: The rollout's context.
        tell: Shows each event.
        consent: A person's consent; production asks for it.
        override_reason: Why production goes without a signed staging record.

    Returns:
        How it ended, also when a step failed: then the steps before it have taken effect.

    Raises:
        GonogoError: Something was wrong before the first step; nothing was done.
    """
    started_at = datetime.now(UTC)
    with running("deploy", tell, context.logs, context.environ) as runner, ExitStack() as stack:
        if in_production := context.environment is Environment.PRODUCTION:
            # What was let in is what is deployed, wherever HEAD goes meanwhile.
            context = replace(context, revision=wanted_revision(context))
            runner.run(permission_step(override_reason), context)
        uses = deploys(context.environment)
        site = stack.enter_context(open_site(context, runner, consent or Consent(), uses))
        if in_production and consent and consent.wait:
            require_go(context, override_reason)
        seen = fleet.others(context)
        fleet.require_alone(seen)
        work = begin(site, override_reason)
        waits_for = fleet.lacking(seen, context.environment, work.deployment.revision)
        if work.deployment.outcome == "succeeded":
            if waits_for or not fleet.is_left_to(work, seen):
                result = _result(work, (), started_at)
                return replace(result, next_steps=tuple(filter(None, (dead(work),))))
            site.ledger.resume_deployment(work.deployment.id)
            work = replace(work, deployment=reread(site, work.deployment.id))
            runner.note("every database of the fleet has this revision: the code follows")
        steps = tuple(fleet.waiting(_steps(work), waits_for))
        error = _run(work, steps)
        failed = work.site.runner.records[-1].name if error else ""
        rollback = _automatic_rollback(work, error, failed)
        if error and rollback is None:
            after_failure(work, error)
        return _result(work, steps, started_at, error, rollback)


def steps_of(environment: Environment, *, stop_first: bool = False) -> tuple[Step[Work], ...]:
    """The steps of a deployment.

    Args:
        environment: To which environment.
        stop_first: Whether the application is stopped before the migrations, not after them.
    """
    staging = environment is Environment.STAGING
    steps = [step for step in STEPS if staging or step.name not in OF_STAGING]
    if stop_first:
        stops = [step for step in steps if step.name in STOPS]
        steps = [step for step in steps if step.name not in STOPS]
        place = [step.name for step in steps].index("migrate")
        steps[place:place] = stops
    return tuple(steps)


def _steps(work: Work) -> tuple[Step[Work], ...]:
    """The steps of this deployment; a run that resumes it has the same."""
    known = history.in_place(work.site.ledger.connection)
    own = [row.version for row in known.values() if row.deployment_id == work.deployment.id]
    coming = [one for one in work.migrations if one.version not in known or one.version in own]
    stop_first = stops_first(work.context, coming)
    return steps_of(work.context.environment, stop_first=stop_first)


def _run(work: Work, steps: Sequence[Step[Work]]) -> GonogoError | None:
    site, deployment_id = work.site, work.deployment.id
    try:
        carry_out(steps, work)
    except GonogoError as error:
        # The error that is on its way says more than a failure to write it down.
        with suppress(DatabaseError):
            site.ledger.finish_deployment(deployment_id, "failed")
        return error
    except KeyboardInterrupt as interruption:
        after_interruption(work, interruption)
        raise
    site.ledger.finish_deployment(deployment_id, "succeeded")
    _clean(work)
    return None


def _clean(work: Work) -> None:
    """Remove old releases; what cannot be removed is no reason to call a deployment failed."""
    runner, ran = work.site.runner, work.deployment
    needed = (ran.revision, ran.previous_revision)
    try:
        removed = release.clean(work.context.section, needed)
    except OSError as error:
        runner.note(f"old releases cannot be removed: {error}")
        return
    if removed:
        runner.note(f"old releases removed: {', '.join(map(code.short, removed))}")


def _automatic_rollback(
    work: Work, error: GonogoError | None, failed: str
) -> RollbackResult | None:
    """The rollback in production after a migration that failed or did not verify."""
    if failed not in ROLLED_BACK or work.context.environment is Environment.STAGING:
        return None
    if _irreversible(work):
        # A rollback would stop in its middle, with the application down.
        return None
    site, reason = work.site, f"{ROLLED_BACK[failed]}: {error}"
    try:
        if site.lock and site.lock.is_held and not site.ledger.connection.closed:
            with connect(work.database.conninfo) as fresh:
                return roll_back(replace(work, site=replace(site, connection=fresh)), reason)
        # The lock went with its connection: a rollback of its own takes it again.
        asked, consent = Request(reason=reason), Consent(site.identity.database)
        return rollback(work.context, site.runner.tell, asked, consent)
    except (GonogoError, psycopg.Error, OSError) as lost:
        site.runner.note(f"the automatic rollback failed: {lost}")
        return None


def _irreversible(work: Work) -> tuple[Migration, ...]:
    """What a rollback would take back and has no revert file."""
    with suppress(DatabaseError):
        back = span(work.site, work.deployment)
        rows = history.of_deployments(work.site.connection, back.ids)
        applied = {row.version for row in rows}
        return tuple(
            one for one in work.migrations if one.version in applied and one.revert is None
        )
    return ()


def _result(
    work: Work,
    steps: Sequence[Step[Work]],
    started_at: datetime,
    error: GonogoError | None = None,
    rollback: RollbackResult | None = None,
) -> DeploymentResult:
    site, deployment = work.site, work.deployment
    unchanged = deployment.outcome == "succeeded"
    done = {record.name for record in site.runner.records}
    left = [step for step in steps if step.name not in done]
    return DeploymentResult(
        outcome="unchanged" if unchanged else "failed" if error else "succeeded",
        deployment_id=deployment.id,
        provenance=provenance(site, deployment),
        deployment=deployment,
        steps=tuple(site.runner.records),
        not_done=() if unchanged else tuple(step.title for step in left),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        log=site.runner.log.path,
        outage=rollback.outage if rollback else outage_of(site.runner),
        error=error,
        rollback=rollback,
        next_steps=_next_steps(work, error, rollback),
    )


def _next_steps(
    work: Work, error: GonogoError | None, rollback: RollbackResult | None
) -> tuple[str, ...]:
    environment = work.context.environment
    if rollback:
        return rollback.next_steps
    if not error:
        if any(fleet.WAITS_FOR in one.evidence for one in work.site.runner.records):
            return (FLEET_NEXT,)
        if environment is Environment.PRODUCTION:
            return PRODUCTION_NEXT
        by_hand = (f"try by hand: {one}" for one in work.context.config.application.by_hand)
        *first, last = STAGING_NEXT
        return (*first, *by_hand, last)
    deploy_again = command(f"deploy {environment}")
    again = f"fix what failed and run {deploy_again} again: it goes on from there"
    if error.down:
        again = f"THE APPLICATION IS STOPPED, and {deploy_again} starts it again: {again}"
    if irreversible := _irreversible(work):
        unreverted = f"{named(irreversible)} cannot be reverted, so only the backup is left"
        return again, f"{unreverted}: {command('rollback', '--mode restore')}"
    return again, f"or undo what was done: {command('rollback')}"
