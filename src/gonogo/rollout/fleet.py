"""The databases of a fleet: where each stands, and which code may serve them all.

New code runs only where every database has its migrations. So a deployment leaves the code alone
while another database is not yet at its revision, and the last one's switches it; the first
rollback brings the old code back, which serves the databases that are migrated still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from gonogo.application.code import short
from gonogo.config.environments import DatabaseConfig
from gonogo.errors import GonogoError, UsageError
from gonogo.ledger.rows import StepRow
from gonogo.model.kinds import Environment
from gonogo.postgres.dsn import member_settings
from gonogo.postgres.session import reach
from gonogo.rollout.runner.context import RolloutContext
from gonogo.rollout.runner.steps import Evidence, Skipped, Step
from gonogo.rollout.runner.work import Work
from gonogo.rollout.standing import Standing, read_standing

# Each is a connection; the servers may be one and the same.
MOST_AT_ONCE = 8
# A signal is handled between two waits.
STEP_S = 0.1
WAITS_FOR = "waits_for"
# Steps that change the application, which serves the whole fleet.
OF_THE_CODE = frozenset(
    {
        "checkout",
        "install",
        "build",
        "lint",
        "typecheck",
        "test",
        "running_before",
        "stop_jobs",
        "stop_app",
        "stopped",
        "switch",
        "start_app",
        "start_jobs",
        "wait_healthy",
        "identity",
        "endpoints",
    }
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A database of a fleet, as it was seen.

    Args:
        member: What rollout.toml says of it.
        standing: Where it stands; None where it could not be asked.
        problem: Why not; empty where it could.
    """

    member: DatabaseConfig
    standing: Standing | None = None
    problem: str = ""

    def lacks(self, environment: Environment, revision: str) -> str:
        """Why it has not what a revision needs; empty where it has."""
        if self.standing is None:
            return f"{self.member.name} cannot be asked ({self.problem})"
        latest, mark = self.standing.latest, self.standing.mark
        if latest is None or mark is None or mark.name != environment:
            return f"{self.member.name} has no deployment of {environment}"
        if latest.outcome != "succeeded":
            ended = latest.outcome.replace("_", " ")
            return f"{self.member.name}: its deployment of {short(latest.revision)} is {ended}"
        there = latest.revision
        return "" if there == revision else f"{self.member.name} is at {short(there)}"

    @property
    def waits(self) -> bool:
        """Whether its newest deployment left the code alone, for the sake of other databases."""
        steps = self.standing.steps if self.standing else ()
        return has_waited({row.name: row for row in steps if row.procedure == "deploy"})

    def may_have_switched(self, revision: str) -> bool:
        """Whether its deployment of a revision may have brought the code there."""
        if self.standing is None:
            return True
        latest = self.standing.latest
        if latest is None or latest.revision != revision or latest.outcome == "rolled_back":
            return False
        return touched(self.standing.steps, OF_THE_CODE)


def look(members: Sequence[DatabaseConfig], environ: Mapping[str, str]) -> tuple[Seen, ...]:
    """Where each of them stands, side by side, over a bounded number of connections.

    Args:
        members: The databases, as rollout.toml has them.
        environ: The session's variables, which lead to them.
    """

    def seen(member: DatabaseConfig) -> Seen:
        try:
            settings = member_settings(member, environ)
            with reach(settings.conninfo, "gonogo fleet") as connection:
                return Seen(member, read_standing(connection))
        except GonogoError as error:
            return Seen(member, problem=getattr(error, "problem", str(error)))

    with ThreadPoolExecutor(MOST_AT_ONCE, "gonogo fleet") as threads:
        looking = [threads.submit(seen, one) for one in members]
        try:
            while wait(looking, STEP_S).not_done:
                pass
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(one.result() for one in looking)


def others(context: RolloutContext) -> tuple[Seen, ...]:
    """The other databases of the fleet; none where the environment is no fleet."""
    fleet = context.section.databases if context.member else ()
    return look([one for one in fleet if one.name != context.member], context.environ)


def lacking(seen: Sequence[Seen], environment: Environment, revision: str) -> tuple[str, ...]:
    """Which databases are not at a revision yet, each with its reason.

    Args:
        seen: The other databases of the fleet.
        environment: What they are deployed as.
        revision: What the code would be.
    """
    return tuple(filter(None, (one.lacks(environment, revision) for one in seen)))


def require_alone(seen: Sequence[Seen]) -> None:
    """Refuse to go on while another database of the fleet has a deployer: they share the code.

    Args:
        seen: The other databases, looked at under the lock of one's own.

    Raises:
        UsageError: One has.
    """
    for one in seen:
        if one.standing and (other := one.standing.holder):
            raise UsageError(
                f"a deployer is at work on the database {one.member.name} of the same fleet, which"
                f" shares the application: {other}; nothing was done",
                "wait until it has ended: one database at a time",
            )


def touched(rows: Sequence[StepRow], names: frozenset[str]) -> bool:
    """Whether a deployment came to one of these steps and did not leave it out."""
    return any(
        row.procedure == "deploy" and row.name in names and row.outcome != "skipped" for row in rows
    )


def waiting(steps: Sequence[Step[Work]], waits_for: Sequence[str]) -> Iterator[Step[Work]]:
    """The steps of a deployment that leaves the code alone until the fleet is ready for it.

    Args:
        steps: Those of a deployment of one database.
        waits_for: The databases that are not at its revision yet; without any, the steps as they
            are.
    """

    def run(_work: Work, evidence: Evidence) -> Skipped:
        evidence[WAITS_FOR] = list(waits_for)
        return Skipped(f"the code waits for the fleet: {'; '.join(waits_for)}")

    for step in steps:
        yield replace(step, run=run) if waits_for and step.name in OF_THE_CODE else step


def is_left_to(work: Work, seen: Sequence[Seen]) -> bool:
    """Whether a finished deployment has left the code alone, and no other one has brought it.

    Args:
        work: The deployment.
        seen: The other databases.
    """
    rows = work.site.ledger.steps(work.deployment.id)
    return has_waited({row.name: row for row in rows if row.procedure == "deploy"}) and not any(
        one.may_have_switched(work.deployment.revision) for one in seen
    )


def has_waited(rows: Mapping[str, StepRow]) -> bool:
    """Whether the deployment of these steps left the code alone.

    Args:
        rows: The newest row of each step, by its name.
    """
    return any(row.outcome == "skipped" and row.evidence.get(WAITS_FOR) for row in rows.values())
