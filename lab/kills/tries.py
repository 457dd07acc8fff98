"""One kill: drawn by a seed, done, and looked at, before and after the next run."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

import psycopg
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from gonogo.model.kinds import Environment
from gonogo.rollout.deploy import steps_of
from gonogo.rollout.rollback import STEPS as ROLLBACK
from lab.kills.applications import Place
from lab.kills.world import BASE, DEPLOYED, World, alive, below

Found = TypeVar("Found")
Procedure = Literal["deploy", "rollback", "restore"]
# Around the steps of the other rollback; a test compares them with what a restore writes down.
PREPARED = ("check_backup", "new_database", "restore_backup", "verify_restored", "compare")
SWAPPED = ("close", "carry_rows", "carry_ledger", "swap", "move_in")
REVERTED = tuple(step.name for step in ROLLBACK)
STEPS: dict[Procedure, tuple[str, ...]] = {
    "deploy": tuple(step.name for step in steps_of(Environment.STAGING)),
    "rollback": REVERTED,
    "restore": (*PREPARED, *(name for name in REVERTED if name != "revert"), *SWAPPED),
}
VICTIMS = ("gonogo", "a child", "a session of the database", "the database")
PATIENCE_S = 180.0
RECOVERS_WITHIN_S = 30.0
NAMED_DOWN = re.compile("THE APPLICATION (IS DOWN|DOES NOT ANSWER)")
NEXT = re.compile(r"next: run gonogo (deploy|rollback|restart)")
# One of the procedure's own, else any: the server then ends all others, and recovers.
SESSION = """
select pid from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'
order by coalesce(application_name like 'gonogo%', false) desc limit 1"""
OURS = "select count(*) from pg_stat_activity where application_name like 'gonogo%'"
HELD = "select true from pg_stat_activity where wait_event = 'PgSleep'"
LEFT = """
select string_agg(what, ', ') from (
    select 'an invalid index' from pg_index where not indisvalid
    union all select 'a step that still runs' from gonogo.step where outcome = 'running'
    union all select 'the database ' || datname from pg_database as d
    where datname ~ '^gonogo_(scratch|plan|restore)_'
) as found(what)"""


@dataclass(frozen=True, slots=True)
class Kill:
    """Who is killed, when, and what a person does next.

    Args:
        seed: What all else is drawn from.
        procedure: What is killed.
        victim: Who dies.
        step: The step at whose worst moment it happens, when all of it is done and nothing of that
            is written down; empty for any moment.
        share: The moment, as a share of the time that the procedure takes.
        then: The procedure that is run next.
    """

    seed: int
    procedure: Procedure
    victim: str
    step: str
    share: float
    then: Procedure

    @classmethod
    def draw(cls, seed: int) -> Kill:
        """The kill that a seed stands for."""
        chance = random.Random(seed)  # noqa: S311 - no secret is made of it
        procedure = chance.choice(tuple(STEPS))
        worst = chance.choice((True, False))
        # Nothing that a step runs is left at the moment at which all of it is done.
        victim = chance.choice([who for who in VICTIMS if not (worst and who == "a child")])
        step = chance.choice(STEPS[procedure]) if worst else ""
        share = chance.random()
        reverts = chance.choice((True, False, False, False))
        return cls(seed, procedure, victim, step, share, "rollback" if reverts else procedure)

    @property
    def saved(self) -> str:
        """What it begins from."""
        return BASE if self.procedure == "deploy" else DEPLOYED

    @property
    def moment(self) -> str:
        """When it is, in words."""
        return f"at the end of {self.step}" if self.step else f"{self.share:.0%} of the way"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a kill led to.

    Args:
        kill: It.
        reached: Whether the procedure still ran when the moment came.
        after: How the application was afterwards.
        wrong: What was not as it must be; nothing, where all was.
        said: The last that each run said, where something is wrong.
    """

    kill: Kill
    reached: bool
    after: str
    wrong: tuple[str, ...]
    said: str = ""


def carry_out(world: World, kill: Kill) -> Outcome:
    """Kill, look, run what comes next, and look again."""
    moment_s = 0.0 if kill.step else kill.share * world.unkilled(kill.saved, kill.procedure).lasts_s
    must = world.unkilled(kill.saved, kill.then).print
    with world.place(kill.saved) as place:
        reached, first, gone = _killed(world, place, kill, moment_s)
        after, wrong = _looked_at(place, first)
        wrong += [f"process {pid} still runs" for pid in gone if not _ends(pid)]
        again = _run_next(place, kill, wrong)
        wrong += _compared(world, place, kill, must)
        return Outcome(kill, reached, after, tuple(wrong), f"{first}\n---\n{again}")


def _killed(world: World, place: Place, kill: Kill, moment_s: float) -> tuple[bool, str, list[int]]:
    """Whether it was in time, what the procedure said, and the processes that must end with it."""
    with _held(world, kill) as held:
        running = place.start(*place.words(kill.procedure))

        def ended() -> bool:
            return running.poll() is not None

        if kill.step:
            _wait(lambda: held() or ended(), PATIENCE_S)
        else:
            with suppress(subprocess.TimeoutExpired):
                running.wait(moment_s)
        if kill.victim == "a child":
            _wait(lambda: below(running.pid) or ended(), PATIENCE_S)
        in_time, children = not ended(), below(running.pid)
        _strike(world, kill, running, children)
        if in_time and kill.victim == "gonogo":
            # What it had not written down is written down no more.
            _wait(lambda: world.ask(OURS) == 0, RECOVERS_WITHIN_S)
    try:
        said, _ = running.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        running.kill()
        said = f"Traceback: it did not end within {PATIENCE_S:g} s\n{running.communicate()[0]}"
    # A service that was being started is the application itself, and leads a session of its own.
    gone = [pid for pid in children if kill.victim == "gonogo" and not _leads(pid)]
    return in_time, said, gone


@contextmanager
def _held(world: World, kill: Kill) -> Iterator[Callable[[], bool]]:
    """Have the ledger hold a procedure up at a step's end; what says that it is held."""
    if not kill.step:
        yield lambda: False
        return
    procedure = "deploy" if kill.procedure == "deploy" else "rollback"
    world.set_up(f"alter system set lab.pause = 'unrecorded {procedure} {kill.step}'")
    try:
        yield lambda: bool(world.ask(HELD))
    finally:
        world.set_up("alter system reset lab.pause")


def _strike(world: World, kill: Kill, running: subprocess.Popen[str], children: list[int]) -> None:
    if kill.victim == "gonogo":
        running.kill()
    elif kill.victim == "a child":
        for pid in children[kill.seed % max(1, len(children)) :][:1]:
            _end(pid)
    elif kill.victim == "a session of the database":
        if killed := world.ask(SESSION):
            _end(int(str(killed)))
            world.recover(int(str(killed)))
    else:
        _end(world.server.pid)
        world.revive()


def _leads(pid: int) -> bool:
    with suppress(ProcessLookupError):
        return os.getsid(pid) == pid
    return False


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _looked_at(place: Place, said: str) -> tuple[str, list[str]]:
    """How the application is, and what is wrong with what was said of it."""
    wrong = ["a traceback"] if "Traceback" in said else []
    if revision := _settled(place):
        of = {place.before: "the old", place.after: "the new"}
        return f"{of.get(revision, revision)} version answers", wrong
    _, status = place.run("status")
    if NAMED_DOWN.search(said):
        return "down, said in the last line", wrong
    if NEXT.search(status):
        return "down, status says what to run next", wrong
    return "down, in silence", [*wrong, f"the application is down in silence: {status}"]


def _settled(place: Place) -> str:
    """Who serves, once the application had the time to find its database again."""
    try:
        return _wait(place.serving, 5.0)
    except RetryError:
        return ""


def _run_next(place: Place, kill: Kill, wrong: list[str]) -> str:
    """Do what a person does next, unless there is nothing left to do."""
    if kill.then != "deploy" and _newest(place) in {None, "rolled_back"}:
        return "nothing to roll back"
    code, said = place.run(*place.words(kill.then))
    if code:
        wrong.append(f"the next {kill.then} ended with {code}")
    if "Traceback" in said:
        wrong.append("a traceback of the next run")
    return said


def _newest(place: Place) -> object:
    """How the newest deployment ended; "closed" where a restore has closed the database."""
    try:
        return place.ask("select outcome from gonogo.deployment order by id desc limit 1")
    except psycopg.OperationalError:
        return "closed"


def _compared(world: World, place: Place, kill: Kill, must: tuple[str, str]) -> list[str]:
    """What is not as it is after a procedure that nobody killed."""
    prints = zip(("the schema", "the rows"), world.print_of(place), must, strict=True)
    wrong = [f"{name} differ" for name, now, meant in prints if now != meant]
    revision = place.after if kill.then == "deploy" else place.before
    if _settled(place) != revision:
        wrong.append(f"the application does not serve {revision[:7]}")
    if left := place.ask(LEFT):
        wrong.append(f"left: {left}")
    return wrong


def _ends(pid: int) -> bool:
    try:
        _wait(lambda: not alive(pid), RECOVERS_WITHIN_S)
    except RetryError:
        return False
    return True


def _wait(condition: Callable[[], Found], longest_s: float) -> Found:
    return Retrying(
        retry=retry_if_result(lambda found: not found),
        wait=wait_fixed(0.02),
        stop=stop_after_delay(longest_s),
    )(condition)
