"""Never left down in silence: what follows a failure after a stop, and how one restarts by hand.

The application is started again in the version that fits the schema, where that is at hand. Else
the last line names what is down, since when, and the command that brings it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import psycopg

from gonogo.application import code, release
from gonogo.application.environment import RESTARTS
from gonogo.application.identity import State
from gonogo.errors import CommandError, GonogoError, StepError, UsageError
from gonogo.ledger import history
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.rows import StepRow
from gonogo.model.step import StepRecord, Tell
from gonogo.postgres.session import application_schema, connect
from gonogo.rollout.application_steps import SWITCH, command_step, switch, wait_healthy
from gonogo.rollout.fleet import lacking, others, require_alone
from gonogo.rollout.identity_steps import (
    BACK,
    IDENTITY,
    PAIRS,
    RESTART,
    SEEN,
    STOPPED,
    instances,
    left_stopped,
    outage_of,
    stopped_since,
)
from gonogo.rollout.runner.back import span
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.result import Result, provenance
from gonogo.rollout.runner.site import Consent, Site, open_site
from gonogo.rollout.runner.steps import LOOKS, Evidence, Skipped, Step, running
from gonogo.rollout.runner.work import STAMP, Work
from gonogo.screen import command

BUILDS = frozenset({"checkout", "install", "build", "revert_code", "reinstall", "rebuild"})
STEPS: tuple[Step[Work], ...] = (
    SEEN,
    command_step("stop_jobs", "Stop the background jobs"),
    command_step("stop_app", "Stop the application"),
    STOPPED,
    SWITCH,
    command_step("start_app", "Start the application"),
    command_step("start_jobs", "Start the background jobs"),
    Step("wait_healthy", "Wait until the application is healthy", wait_healthy, LOOKS),
    IDENTITY,
)


def after_failure(work: Work, error: GonogoError) -> None:
    """Bring back what a failed procedure left stopped; what stays down is named in the error.

    Args:
        work: What was worked on; its runner knows what was stopped and started.
        error: What failed; its last line is set.
    """
    runner, step = work.site.runner, Step(BACK, "Bring the application back", _bring_back)
    stopped = stopped_since(runner.records)
    if not stopped or any(one.name == "start_app" and not one.error for one in runner.records):
        runner.down = error.down = _what_is_down(work, error.problem)
        return
    ledger = None if _rows(work) is None else work.site.ledger
    try:
        runner.run(step, work, ledger, work.deployment.id)
    except (GonogoError, psycopg.Error, OSError) as lost:
        runner.down = error.down = _down(work, stopped, str(lost))
    except KeyboardInterrupt as interruption:
        after_interruption(work, interruption)
        raise


def after_interruption(work: Work, interruption: KeyboardInterrupt) -> None:
    """Name what an interruption leaves down: who interrupts does not want to wait for a start.

    Args:
        work: What was worked on.
        interruption: Gets the last line as a note.
    """
    if down := _what_is_down(work, "interrupted"):
        work.site.runner.down = down
        interruption.add_note(down)


def _what_is_down(work: Work, why: str) -> str:
    """The last line of a run that brings nothing back; empty where nothing is down."""
    if stopped := stopped_since(work.site.runner.records):
        return _down(work, stopped, why)
    return _down(work, {}, "it does not answer") if _was_touched(work) and _is_gone(work) else ""


def restart(context: RolloutContext, tell: Tell, consent: Consent | None = None) -> Result:
    """Stop the application and its jobs, start them, and prove that they run.

    Args:
        context: The rollout's context.
        tell: Shows each event.
        consent: A person's consent; production asks for it.

    Raises:
        GonogoError: Something was wrong before the first step; nothing was done.
    """
    started_at, error = datetime.now(UTC), None
    with (
        running("restart", tell, context.logs, context.environ) as runner,
        open_site(context, runner, consent or Consent(), RESTARTS) as site,
    ):
        require_alone(others(context))
        work = _to_restart(site)
        runner.note(f"what fits the schema is revision {code.short(work.target)}")
        try:
            # The ledger has it as one step, among those of the procedure that it follows.
            rows = site.ledger.steps(work.deployment.id)
            procedure = rows[-1].procedure if rows else "deploy"
            with site.ledger.step(work.deployment.id, procedure, RESTART) as row:
                row.evidence |= {"revision": work.target, "by": context.deployed_by}
                for step in STEPS:
                    runner.run(step, work)
                row.evidence["outage"] = outage_of(runner).seconds
        except GonogoError as failed:
            error = failed
            error.down = _down(work, stopped_since(runner.records), "its restart failed")
        except KeyboardInterrupt as interruption:
            after_interruption(work, interruption)
            raise
        names = {record.name for record in runner.records}
        return Result(
            outcome="failed" if error else "succeeded",
            provenance=provenance(site, work.deployment),
            deployment=work.deployment,
            steps=tuple(runner.records),
            not_done=tuple(step.title for step in STEPS if step.name not in names),
            started_at=started_at,
            finished_at=datetime.now(UTC),
            log=runner.log.path,
            error=error,
        )


def dead(work: Work) -> str:
    """That the application of a finished deployment does not answer; empty where it does.

    Args:
        work: The deployment.
    """
    if not _is_gone(work):
        return ""
    again = command("restart", work.context.environment)
    return f"THE APPLICATION DOES NOT ANSWER: {again} starts it and proves that it runs"


def _bring_back(work: Work, evidence: Evidence) -> str | Skipped:
    revision = next(_at_hand(work, _fitting(work)), None)
    if revision is None:
        raise StepError("no code that fits the schema is at hand", "")
    work = replace(work, target=revision)
    for name in PAIRS:
        # Half of it may have been started.
        with suppress(CommandError):
            work.commands.run(name)
    switch(work, evidence)
    started = [name for name in PAIRS.values() if work.commands.run(name)]
    evidence |= {"revision": revision, "started": list(started)}
    healthy = wait_healthy(work, evidence)
    proved = healthy.reason if isinstance(healthy, Skipped) else healthy
    return f"revision {code.short(revision)} runs again: {proved}"


def _fitting(work: Work) -> tuple[str, ...]:
    """The revisions that fit the schema as it is now.

    Raises:
        DatabaseError: The database cannot be asked.
    """
    with connect(work.database.conninfo) as fresh:
        in_place = history.in_place(fresh)
        back = span(replace(work.site, ledger=Ledger(fresh)), work.deployment)
    changed = any(row.deployment_id in back.ids and not row.adopted for row in in_place.values())
    waiting = any(one.version not in in_place for one in work.migrations)
    before, after = back.previous_revision, work.deployment.revision
    if lacking(others(work.context), work.context.environment, after):
        # The version before serves the databases that are migrated as well.
        return (before,)
    return (*(() if changed else (before,)), *(() if waiting else (after,)))


def _at_hand(work: Work, fitting: Sequence[str]) -> Iterator[str]:
    """Those of them that can be started at once."""
    section, target = work.context.section, work.commands.target_revision
    for revision in fitting:
        if section.releases:
            if release.is_whole(section, revision):
                yield revision
        elif revision == target and _is_built(work):
            yield revision


def _is_built(work: Work) -> bool:
    """Whether the code that lies in place was built to its end, as ledger and run know."""
    done: list[StepRow | StepRecord] = [*(_rows(work) or ()), *work.site.runner.records]
    last = [one.outcome for one in done if one.name in BUILDS][-1:]
    return last in ([], ["succeeded"], ["skipped"])


def _to_restart(site: Site) -> Work:
    """The newest deployment, with the revision of it that fits the schema.

    Raises:
        UsageError: There is no deployment, or nothing that fits is at hand.
    """
    latest = site.ledger.latest_deployment(site.context.environment)
    if latest is None:
        raise UsageError("nothing was deployed here yet; nothing was done", "start it by hand")
    schema = application_schema(site.connection, site.context.anchor)
    work = Work(site, latest, site.context.migrations(latest.revision), schema)
    fitting = _fitting(work)
    if latest.outcome == "succeeded" and latest.revision in fitting:
        fitting = (latest.revision,)
    for revision in fitting:
        work = replace(work, target=revision)
        if _is_there(work, revision):
            return work
    raise UsageError(
        "no code that fits the schema is at hand; nothing was stopped",
        f"{command(f'deploy {latest.environment}')} finishes what was begun, or"
        f" {command('rollback')} takes it back",
    )


def _is_there(work: Work, revision: str) -> bool:
    section = work.context.section
    if section.releases:
        return release.is_whole(section, revision)
    # Without git nobody can say which code lies there.
    repository = section.repository
    there = repository is None or code.head(repository, work.context.environ) == revision
    return there and _is_built(work)


def _rows(work: Work) -> Sequence[StepRow] | None:
    """The deployment's steps; None where the ledger cannot be read, nor written then."""
    with suppress(GonogoError, psycopg.Error):
        return work.site.ledger.steps(work.deployment.id)
    return None


def _was_touched(work: Work) -> bool:
    """Whether this deployment, by any of its runs, stopped or started the application."""
    names = {one.name for one in work.site.runner.records}
    names |= {row.name for row in _rows(work) or ()}
    return not names.isdisjoint(PAIRS.keys() | PAIRS.values())


def _is_gone(work: Work) -> bool:
    return any(one.state is State.GONE for one in instances(work))


def _down(work: Work, stopped: Mapping[str, datetime], why: str) -> str:
    jobs = stopped.keys() == {"stop_jobs"}
    what, them = ("THE BACKGROUND JOBS ARE", "them") if jobs else ("THE APPLICATION IS", "it")
    # A run that goes on with another may find stopped what that one stopped.
    stops = [*stopped.values(), *left_stopped(_rows(work) or ()).values()]
    began = f" since {min(stops).astimezone(UTC):{STAMP}}" if stops else ""
    return f"{what} DOWN{began} ({why}): {_again(work)} brings {them} back"


def _again(work: Work) -> str:
    """The command that brings the application back: what failed, where nothing can be started."""
    environment, procedure = work.context.environment, work.site.runner.procedure
    with suppress(GonogoError, psycopg.Error):
        if procedure == "restart" or next(_at_hand(work, _fitting(work)), None):
            return command("restart", environment)
    return command("rollback" if procedure == "rollback" else f"deploy {environment}")
