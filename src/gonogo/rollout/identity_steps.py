"""Steps that prove who answers: seen before the stop, gone after it, another one after the start.

Their evidence goes to the ledger, so that a resumed run compares with what ran before the stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from gonogo.application.code import resolve, short
from gonogo.application.identity import Proof, Sight, State, judge, judge_running, look
from gonogo.application.outage import Watch
from gonogo.application.processes import process_of
from gonogo.errors import StepError
from gonogo.ledger.attempts import UNKNOWN
from gonogo.ledger.rows import StepRow
from gonogo.model.kinds import OutageKind
from gonogo.model.limit import Json
from gonogo.model.step import Outage, StepRecord
from gonogo.rollout.application_steps import LEFT_OUT, became_healthy
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.steps import LOOKS, Evidence, Resumption, Runner, Skipped, Step
from gonogo.rollout.runner.work import Work, last_stretch

T = TypeVar("T")
REQUEST_TIMEOUT_S = 5.0
BEFORE = "running_before"
# Start what was stopped: after a failure, and by hand.
BACK, RESTART = "bring_back", "restart"
PAIRS = {"stop_app": "start_app", "stop_jobs": "start_jobs"}
OUTAGE = "outage_s"
NOT_PROVED = Proof.NOT_PROVED.value
NAME_IT = "name [identity], pid_file or process in rollout.toml"


def see(work: Work, evidence: Evidence) -> str | Skipped:
    """Look at what answers before anything is stopped."""
    if not _addresses(work.context):
        return Skipped(LEFT_OUT)
    seen = instances(work)
    evidence["instances"] = [one.evidence for one in seen]
    runner, config = work.site.runner, work.context.config
    if work.context.base_url and all(one.state is State.ANSWERS for one in seen):
        runner.end_watch()
        runner.watch = Watch.begin(work.context.base_url, config.identity.path)
    return ", ".join(f"{one.address} {_described(one)}" for one in seen)


def require_stopped(work: Work, evidence: Evidence) -> str | Skipped:
    """Wait until nothing answers any more."""
    context = work.context
    if not _addresses(context):
        return Skipped(LEFT_OUT)
    if context.section.rolling:
        return Skipped(f"{NOT_PROVED}: rollout.toml says that the deployment is rolling")
    if work.context.section.commands.stop_app is None:
        return Skipped("no command stop_app is configured")
    seen = _until(
        lambda: instances(work),
        lambda seen: all(one.state is State.GONE for one in seen),
        context.section.stop_timeout_s,
    )
    evidence["instances"] = [one.evidence for one in seen]
    if alive := [one for one in seen if one.state is State.ANSWERS]:
        who = ", ".join(f"{one.address} {_described(one)}" for one in alive)
        after = f"{context.section.stop_timeout_s:g} s after its stop"
        raise StepError(
            f"the application still answers {after}: {who}",
            "let stop_app end every process of it, or set rolling = true for rolling deployments",
        )
    if unknown := [one for one in seen if one.state is State.UNKNOWN]:
        said = ", ".join(f"{one.address}: {one.reason}" for one in unknown)
        return Skipped(f"{NOT_PROVED}: {said}")
    return ", ".join(f"{one.address}: {one.reason}" for one in seen)


def prove_new(work: Work, evidence: Evidence) -> str | Skipped:
    """Prove that every instance that answers is the one that was started."""
    context = work.context
    if not _addresses(context):
        return Skipped(LEFT_OUT)
    revision = target_of(work)
    before = _before(work)

    def judged() -> list[tuple[Sight, Proof, str]]:
        return [(one, *_judged(before, one, revision)) for one in instances(work)]

    found = _until(
        judged,
        lambda found: not any(proof is Proof.WRONG for _, proof, _ in found),
        context.section.health_timeout_s,
    )
    evidence["instances"] = [
        {**one.evidence, "proof": proof.value, "why": why} for one, proof, why in found
    ]
    evidence["revision"] = revision

    outage = ""
    if not any(proof is Proof.WRONG for _, proof, _ in found):
        outage_s = work.site.runner.end_watch()
        evidence[OUTAGE] = outage_s
        outage = "" if outage_s is None else f"; it was away for {outage_s:.1f} s"

    def lines(wanted: Proof) -> str:
        return ", ".join(f"{one.address} {why}" for one, proof, why in found if proof is wanted)

    if wrong := lines(Proof.WRONG):
        raise StepError(
            f"what answers is not what was started: {wrong}",
            "see that stop_app ends every process and start_app starts the new code, and run this"
            " again",
        )
    if open_ := lines(Proof.NOT_PROVED):
        return Skipped(f"{NOT_PROVED}: {open_}{outage}; {NAME_IT}")
    return lines(Proof.PROVED) + outage


def _stays_stopped(work: Work) -> bool:
    """Whether a stop that succeeded need not be repeated: nothing was started again since."""
    site = work.site
    rows = last_stretch(site.ledger.steps(work.deployment.id), site.runner.procedure)
    if "start_app" in rows and rows["start_app"].outcome == "succeeded":
        return became_healthy(work)
    stop = rows.get("stop_app")
    if stop and any(rows[name].id > stop.id for name in (BACK, RESTART) if name in rows):
        return False
    return not any(one.state is State.ANSWERS for one in instances(work))


STOP_STANDS: Resumption[Work] = Resumption(
    stands=_stays_stopped,
    otherwise="the application was not healthy after it, or was started since",
)
# The stop is repeated where the application failed after it, and so is what it is proved by.
SEEN = Step(BEFORE, "See what answers before the stop", see)
STOPPED = Step(
    "stopped", "Verify that nothing answers after the stop", require_stopped, STOP_STANDS
)
IDENTITY = Step("identity", "Prove that what answers is new", prove_new, LOOKS)


def outage_of(runner: Runner) -> Outage:
    """How long a run that ends kept the application away.

    Args:
        runner: Its own; what still measures is ended.
    """
    watch, measured = runner.watch, runner.end_watch()
    done = {record.name: record for record in runner.records if record.outcome != "skipped"}
    if done.keys().isdisjoint(("stop_app", "start_app")):
        return Outage(OutageKind.NOT_STOPPED)
    for record in runner.records:
        said = record.evidence.get(OUTAGE)
        measured = said if isinstance(said, float) else measured
    if measured is not None:
        return Outage(OutageKind.MEASURED, measured)
    if watch or runner.down:
        return Outage(OutageKind.LASTS)
    answered = BEFORE in done and all(
        one.state is State.ANSWERS for one in sights(done[BEFORE].evidence)
    )
    return Outage(OutageKind.RESUMED if answered else OutageKind.UNSEEN)


def stopped_since(records: Sequence[StepRecord]) -> Mapping[str, datetime]:
    """What this run stopped and has not started again, by the command's name, and since when.

    Args:
        records: The steps that have ended.
    """
    # A command that is not configured has nothing to start.
    started = {one.name for one in records if one.outcome != "failed"}
    # Backwards: of two stops the first counts.
    return {
        one.name: one.started_at + timedelta(seconds=one.elapsed_s)
        for one in reversed(records)
        if one.outcome != "skipped" and one.name in PAIRS and PAIRS[one.name] not in started
    }


def left_stopped(rows: Sequence[StepRow]) -> Mapping[str, datetime]:
    """What the runs of a deployment stopped and none has started since, and since when.

    Args:
        rows: Its steps, oldest first.
    """
    left: dict[str, datetime] = {}
    for row in rows:
        if row.outcome == "succeeded" and row.name in PAIRS:
            left.setdefault(row.name, row.finished_at or row.started_at)
        elif row.outcome == "succeeded":
            over = {stop for stop, start in PAIRS.items() if row.name in {start, BACK, RESTART}}
            left = {name: since for name, since in left.items() if name not in over}
    return left


def target_of(work: Work) -> str:
    """The revision that is to run in the end, by its full name where git knows it."""
    revision = work.commands.target_revision
    repository = work.context.section.repository
    if repository is None or revision == UNKNOWN:
        return revision
    return resolve(repository, work.context.environ, revision)


def _addresses(context: RolloutContext) -> tuple[str, ...]:
    """Where the application is asked; none where it cannot be asked from here."""
    if not context.asks_endpoints or not context.base_url:
        return ()
    return context.section.instances or (context.base_url,)


def instances(work: Work) -> list[Sight]:
    """Look at every instance once; none where the application cannot be asked from here."""
    section = work.context.section
    start = process_of(section.pid_file) if section.pid_file else work.commands.process()
    identity = work.context.config.identity
    return [
        look(address, identity, timeout_s=REQUEST_TIMEOUT_S, process_start=start)
        for address in _addresses(work.context)
    ]


def _judged(before: Mapping[str, Sight] | None, seen: Sight, revision: str) -> tuple[Proof, str]:
    if revision == UNKNOWN:
        seen = replace(seen, revision="")
    if before is None:
        return judge_running(seen, revision)
    return judge(before.get(seen.address), seen, revision)


def _before(work: Work) -> Mapping[str, Sight] | None:
    """What was seen before the stop, by address; None where nothing was stopped."""
    site = work.site
    evidence = next((one.evidence for one in site.runner.records if one.name == BEFORE), None)
    if evidence is None:
        rows = last_stretch(site.ledger.steps(work.deployment.id), site.runner.procedure)
        if BEFORE not in rows:
            return None
        evidence = rows[BEFORE].evidence
    return {one.address: one for one in sights(evidence)}


def sights(evidence: Mapping[str, Json]) -> list[Sight]:
    """What the evidence of one of these steps says was seen."""
    seen = evidence.get("instances")
    every = seen if isinstance(seen, list) else []
    return [Sight.of(one) for one in every if isinstance(one, dict)]


def _described(one: Sight) -> str:
    if one.state is not State.ANSWERS:
        return f"does not answer ({one.reason})"
    who = [f"revision {short(one.revision)}"] if one.revision else []
    who += [one.start] if one.start else [] if who else list(one.owners[:1])
    return f"answers ({', '.join(who) or one.reason})"


def _until(ask: Callable[[], T], settled: Callable[[T], bool], timeout_s: float) -> T:
    """Ask until the answer is settled or the time is over; the last answer."""
    answers: list[T] = []

    def ask_again() -> bool:
        answers.append(ask())
        return settled(answers[-1])

    Retrying(
        stop=stop_after_delay(timeout_s),
        wait=wait_exponential(multiplier=0.05, max=2),
        retry=retry_if_result(lambda is_settled: not is_settled),
        retry_error_callback=lambda _: False,
    )(ask_again)
    return answers[-1]
