"""A deployer that is killed, between any two steps and within each of them.

The next status tells how far it came, the next run goes on from there, and nothing is done twice.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from _pytest.mark import ParameterSet

from desk import Desk
from gonogo.config.environments import CommandsConfig
from gonogo.config.sections import RolloutConfig
from gonogo.model.kinds import Environment
from gonogo.rollout.backup.fingerprint import schema_fingerprint
from gonogo.rollout.deploy import steps_of
from gonogo.rollout.rollback import STEPS as ROLLBACK_STEPS
from gonogo.rollout.runner.steps import LOOKS
from gonogo.sandbox.server import EmbeddedServer
from waiting import gone, until

Reached = Callable[[], bool]
STEPS = {"deploy": steps_of(Environment.STAGING), "rollback": ROLLBACK_STEPS}
# What is skipped has nothing that stands: the code is changed in place.
SKIPPED_HERE = frozenset({"switch"})
# What was started answers although it is not recorded: it is stopped before it is started again.
STOPPED_AGAIN = {"start_app": ("stop_jobs", "stop_app")}
COMMANDS = frozenset(CommandsConfig.model_fields)
# Not the preflight's, which copies the schema alone and gives up early.
BLOCKED = """
select count(*) from pg_stat_activity
where {} = any(pg_blocking_pids(pid)) and not exists (
    select from pg_database as d join pg_database as plan on plan.datname = 'gonogo_plan_' || d.oid
    where d.datname = current_database())"""
OURS = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and application_name like 'gonogo%' and pid <> pg_backend_pid()"
)
PRE_DEPLOY_ROWS = (
    "select md5(string_agg(row(id, email, password_hash, name, google_id, role, auth_provider,"
    " created_at)::text, ';' order by id)) from users"
)
WHOLE = (
    "select count(*) = 9 and count(distinct version) = 9 and count(completed_at) = 9"
    " from gonogo.migration where reverted_at is null"
)
INVALID = "select count(*) from pg_index where not indisvalid"
SCRATCH = (
    "select count(*) from pg_database where datname = 'gonogo_scratch_' ||"
    " (select oid from pg_database where datname = current_database())"
)


@dataclass(frozen=True)
class Middle:
    """How a deployer is held up within a step.

    Args:
        statements: What a connection does, which then stands in the deployer's way.
        row: Whose ledger row must wait instead: moment, procedure and name in gonogo.pause.
        command: A command that does its work and does not end.
    """

    statements: tuple[str, ...] = ()
    row: tuple[str, str, str] | None = None
    command: str = ""


def at_row(moment: str, procedure: str, name: str) -> Middle:
    """Held up as it writes a row of the ledger."""
    return Middle(("select pg_advisory_lock(7)",), (moment, procedure, name))


def behind(*statements: str) -> Middle:
    """Held up by a transaction that has done these."""
    return Middle(("begin", *statements))


LOCKED_TABLE = behind("lock table held_up in access exclusive mode")
# Steps whose work can be broken off. A step that only looks is held up when it has seen all.
MIDDLES: dict[tuple[str, str], tuple[Middle, ...]] = {
    ("deploy", "backup"): (LOCKED_TABLE,),
    ("deploy", "migrate"): (
        at_row("within", "INSERT", "042"),
        # An index that is built concurrently waits for the transaction's snapshot.
        behind("set transaction isolation level repeatable read", "select from audit_logs"),
    ),
    ("deploy", "grants"): (behind("grant usage on schema public to pg_monitor"),),
    ("deploy", "admins"): (behind("lock table audit_logs in share row exclusive mode"),),
    ("rollback", "revert"): (at_row("within", "UPDATE", "042"),),
    ("rollback", "prove"): (LOCKED_TABLE,),
}


# After a stop, until all of it is started again.
INTERRUPTED = (
    ("deploy", "stop_app", "APPLICATION IS"),
    ("deploy", "start_jobs", "BACKGROUND JOBS ARE"),
    ("rollback", "revert", "APPLICATION IS"),
)


def half_way(procedure: str, name: str) -> tuple[Middle, ...]:
    """The ways of being held up before all of a step is done."""
    if name in COMMANDS:
        return (Middle(command=name),)
    return MIDDLES.get((procedure, name), ())


def worst(procedure: str, name: str) -> tuple[Middle, ...]:
    """The worst moments of a step: half way, or with all seen and nothing of it recorded."""
    return half_way(procedure, name) or (at_row("unrecorded", procedure, name),)


def to_be_taken_back(procedure: str, name: str) -> tuple[Middle, ...]:
    """The ways of being held up half way in a step that leaves something to take back."""
    return half_way(procedure, name) if name not in COMMANDS or name == "start_app" else ()


def cases(procedure: str, ways: Callable[[str, str], tuple[Middle, ...]]) -> list[ParameterSet]:
    """Every step with each way of being held up there."""
    return [
        pytest.param(step.name, way, id=f"{step.name}-{number}")
        for step in STEPS[procedure]
        for number, way in enumerate(ways(procedure, step.name))
    ]


def any_step(procedure: str, number: int) -> str:
    """A step of the number's share of them, by chance; where CI is set, by its number alone."""
    seed = number if os.environ.get("CI") else secrets.randbits(32)
    sys.stdout.write(f"seed {seed}\n")
    share = STEPS[procedure][number::5]
    return random.Random(seed).choice(share).name  # noqa: S311 - no secret is made of it


@dataclass
class Kill:
    """Kills a deployer somewhere.

    Args:
        desk: Whose.
        words: The command.
    """

    desk: Desk
    words: tuple[str, ...]
    pids: list[int] = field(default_factory=list)

    def within(self, way: Middle, number: int = signal.SIGKILL) -> str:
        """Kill it as soon as it is held up, and see that all that it ran is gone with it.

        Returns:
            What it said of errors.
        """
        with self._held_up(way) as reached:
            deployer = self.desk.start(*self.words)
            try:
                until(lambda: reached() or deployer.poll() is not None)
                assert deployer.poll() is None, deployer.communicate()
            finally:
                deployer.send_signal(number)
                _, errors = deployer.communicate()
            until(lambda: self.desk.ask(OURS) == 0)
            until(lambda: all(map(gone, self.pids)))
            return errors

    @contextmanager
    def _held_up(self, way: Middle) -> Iterator[Reached]:
        if way.command:
            yield from self._by_command(self.desk.root / "hold" / way.command)
            return
        with (
            psycopg.connect(self.desk.conninfo, autocommit=True) as holder,
            psycopg.connect(self.desk.conninfo, autocommit=True) as watcher,
        ):
            if way.row:
                holder.execute("insert into gonogo.pause values (%s, %s, %s)", way.row)
            for statement in way.statements:
                holder.execute(statement.encode())
            # Asked from outside: within a transaction, who is at work is looked up only once.
            blocked = BLOCKED.format(holder.info.backend_pid).encode()
            yield lambda: watcher.execute(blocked).fetchone() != (0,)
            holder.execute("delete from gonogo.pause" if way.row else "rollback")

    def _by_command(self, file: Path) -> Iterator[Reached]:
        file.touch()
        pids = file.with_suffix(".pids")

        def reached() -> bool:
            if pids.exists():
                self.pids = [int(pid) for pid in pids.read_text("ascii").split()]
            return bool(self.pids)

        yield reached
        file.unlink()


def finished(desk: Desk, procedure: str) -> list[str]:
    """The steps that the ledger has as done."""
    names = desk.ask(
        "select array_agg(name order by id) from gonogo.step"
        f" where outcome = 'succeeded' and procedure = '{procedure}'"
    )
    return names if isinstance(names, list) else []


def told_by_status(desk: Desk, procedure: str, name: str, *, within: bool) -> None:
    """Status says that the run was interrupted, and where; and what to do next."""
    told = desk.run("status").stdout
    state = "interrupted" if procedure == "deploy" else "rollback stopped"
    assert re.search(rf"^  1 +{state} ", told, re.MULTILINE), told
    steps = [line.split() for line in told.splitlines() if line.startswith(f"  {procedure} ")]
    outcome = "interrupted" if within else "(succeeded|skipped)"
    assert re.fullmatch(f"{name} {outcome}", " ".join(steps[-1][1:3])), told
    assert not any("interrupted" in step for step in steps[:-1])
    again = "deploy staging" if procedure == "deploy" else "rollback"
    assert f"next: run gonogo {again} again" in told


def told_what_stands(
    told: subprocess.CompletedProcess[str], desk: Desk, procedure: str, done: list[str], again: str
) -> None:
    """The terminal says of each finished step that it stands, and why another is run again."""
    assert told.returncode == 0, told.stdout + told.stderr
    for step in STEPS[procedure]:
        line = next(line for line in told.stdout.splitlines() if step.title in line)
        stands = step.name in done and step.resumption is not LOOKS
        stands = stands and step.name not in {*SKIPPED_HERE, *STOPPED_AGAIN.get(again, ())}
        assert ("not repeated" in line) == stands, told.stdout
    assert re.findall(r"(\w+) was cut short", told.stdout) == [again] * bool(again)
    assert desk.ask("select count(*) from gonogo.step where outcome = 'running'") == 0


def ran_once(desk: Desk, procedure: str, again: str = "") -> None:
    """Every command ran once; one that was cut short ran again, after what takes it back."""
    ran = Counter((desk.root / "trace").read_text("utf-8").split())
    expected = Counter(step.name for step in STEPS[procedure] if step.name in COMMANDS)
    expected += Counter({again} & COMMANDS)
    if again in {"start_app", "start_jobs"}:
        expected += Counter([again.replace("start", "stop"), *STOPPED_AGAIN.get(again, ())])
    assert ran == expected


def killed_and_run_again(
    kill: Kill, procedure: str, name: str, way: Middle, *, within: bool
) -> None:
    """`status` reports a run that was killed; the same command goes on from there, once."""
    desk = kill.desk
    kill.within(way)
    told_by_status(desk, procedure, name, within=within)
    done = finished(desk, procedure)
    again = name if within else ""
    told_what_stands(desk.run(*kill.words), desk, procedure, done, again)
    ran_once(desk, procedure, again)


def is_deployed(desk: Desk) -> None:
    """Everything is in place, once."""
    assert desk.ask("select array_agg(outcome) from gonogo.deployment") == ["succeeded"]
    assert desk.ask(WHOLE) is True
    assert desk.ask(INVALID) == 0
    assert desk.ask(SCRATCH) == 0
    assert not list(desk.root.glob("backups/*.partial"))


@contextmanager
def taken_back(desk: Desk, server: EmbeddedServer) -> Iterator[None]:
    """What happens within leaves schema and rows as they are now."""
    gate_role = RolloutConfig.load(desk.root / "rollout.toml").gate_role

    def prints() -> tuple[object, object]:
        made = schema_fingerprint(server.bin_dir, desk.conninfo, gate_role)
        return made, desk.ask(PRE_DEPLOY_ROWS)

    before = prints()
    yield
    assert desk.ask("select array_agg(outcome) from gonogo.deployment") == ["rolled_back"]
    assert prints() == before


def deployment(desk: Desk) -> tuple[str, ...]:
    """The words that deploy; the backup's restore is not what is looked at here."""
    return (*desk.deployment, "--backup-check", "read")


def undoing(desk: Desk) -> tuple[str, ...]:
    """The words that roll back."""
    return ("rollback", "--yes-roll-back", desk.database, "--reason", "a drill")


def test_every_step_that_changes_something_can_be_held_up_within() -> None:
    """A step that is added to a rollout says here how it is broken off."""
    looks = {"preflight", "verify_schema", "wait_healthy", "endpoints", "old_endpoints"}
    looks |= {"running_before", "stopped", "identity"}
    # One rename, and none at all where the code is changed in place.
    looks |= {"switch"}
    for procedure, steps in STEPS.items():
        for step in steps:
            assert bool(half_way(procedure, step.name)) == (step.name not in looks), step.name
    named = {(procedure, step.name) for procedure, steps in STEPS.items() for step in steps}
    assert set(MIDDLES) <= named


@pytest.mark.slow
@pytest.mark.parametrize(("name", "way"), cases("deploy", worst))
def test_a_deployer_killed_within_a_step(desk: Desk, name: str, way: Middle) -> None:
    """The next run takes back or repeats what was half done, and does nothing else again."""
    killed_and_run_again(Kill(desk, deployment(desk)), "deploy", name, way, within=True)
    is_deployed(desk)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "way"), cases("rollback", worst))
def test_a_rollback_killed_within_a_step(deployed: Desk, name: str, way: Middle) -> None:
    """The next rollback takes back or repeats what was half done, and proves the database."""
    killed_and_run_again(Kill(deployed, undoing(deployed)), "rollback", name, way, within=True)
    assert deployed.ask("select outcome from gonogo.deployment") == "rolled_back"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "way"), cases("deploy", to_be_taken_back))
def test_what_a_killed_deployer_did_can_be_taken_back(
    desk: Desk, server: EmbeddedServer, name: str, way: Middle
) -> None:
    """A rollback instead of the next run leaves schema and rows as they were."""
    with taken_back(desk, server):
        Kill(desk, deployment(desk)).within(way)
        told = desk.run(*undoing(desk))
        assert told.returncode == 0, name + told.stdout + told.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
def test_a_deployer_killed_after_any_step(desk: Desk, number: int) -> None:
    """The next run begins with the step that follows; which step it was is drawn anew each time."""
    name = any_step("deploy", number)
    way = at_row("after", "deploy", name)
    killed_and_run_again(Kill(desk, deployment(desk)), "deploy", name, way, within=False)
    is_deployed(desk)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
def test_a_rollback_killed_after_any_step(deployed: Desk, number: int) -> None:
    """The next rollback begins with the step that follows, whichever it was."""
    name = any_step("rollback", number)
    way = at_row("after", "rollback", name)
    killed_and_run_again(Kill(deployed, undoing(deployed)), "rollback", name, way, within=False)
    assert deployed.ask("select outcome from gonogo.deployment") == "rolled_back"


@pytest.mark.slow
@pytest.mark.parametrize(("procedure", "name", "down"), INTERRUPTED)
def test_an_interruption_names_what_it_leaves_down(
    request: pytest.FixtureRequest, procedure: str, name: str, down: str
) -> None:
    """The last line says what is down, since when, and which command brings it back."""
    deploys = procedure == "deploy"
    at: Desk = request.getfixturevalue("desk" if deploys else "deployed")
    kill = Kill(at, deployment(at) if deploys else undoing(at))
    said = kill.within(worst(procedure, name)[0], signal.SIGTERM).splitlines()
    assert said[0].startswith("gonogo: interrupted; gonogo status shows how far it came"), said
    line = rf"gonogo: THE {down} DOWN since 20[-0-9]+ [:0-9]+Z \(interrupted\): gonogo .* back"
    assert re.fullmatch(line, said[-1]), said
