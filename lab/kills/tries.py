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
from lab.kills.world import BASE, DEPLOYED, Place, World, alive, below

Found = TypeVar("Found")
Procedure = Literal["deploy", "rollback"]
STEPS = {"deploy": steps_of(Environment.STAGING), "rollback": ROLLBACK}
VICTIMS = ("gonogo", "a child", "a session of the database", "the database")
PATIENCE_S = 180.0
RECOVERS_WITHIN_S = 30.0
NAMED_DOWN = re.compile("THE APPLICATION (IS DOWN|DOES NOT ANSWER)")
NEXT = re.compile(r"next: run gonogo (deploy|rollback|restart)")
# One of the procedure's own, else any: the server then ends all others, and recovers.
SESSION = """
select pid from pg_stat_activity where pid <> pg_backend_pid()
order by coalesce(datname = current_database() and application_name like 'gonogo%', false) desc
limit 1"""
HELD = "select bool_or(%s = any(pg_blocking_pids(pid))) from pg_stat_activity"
LEFT = """
select string_agg(what, ', ') from (
    select 'an invalid index' from pg_index where not indisvalid
    union all select 'a step that still runs' from gonogo.step where outcome = 'running'
    union all select 'the database ' || datname from pg_database as d
    where datname ~ ('^gonogo_(scratch|plan|restore)_' || (
        select oid from pg_database where datname = current_database()) || '$')
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
        procedure: Procedure = chance.choice(("deploy", "rollback"))
        worst = chance.choice((True, False))
        # Nothing that a step runs is left at the moment at which all of it is done.
        victim = chance.choice([who for who in VICTIMS if not (worst and who == "a child")])
        step = chance.choice(STEPS[procedure]).name if worst else ""
        share = chance.random()
        back = procedure == "deploy" and chance.choice((True, False, False, False))
        return cls(seed, procedure, victim, step, share, "rollback" if back else procedure)

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
    template = DEPLOYED if kill.procedure == "rollback" else BASE
    with world.place(f"killed_{kill.seed}", template) as place:
        words = {"deploy": place.deployment, "rollback": place.undoing}
        reached, first, gone = _killed(world, place, kill, words[kill.procedure])
        after, wrong = _looked_at(place, first)
        wrong += [f"process {pid} still runs" for pid in gone if not _ends(pid)]
        again = _run_next(place, kill, words[kill.then], wrong)
        wrong += _compared(world, place, kill)
        return Outcome(kill, reached, after, tuple(wrong), f"{first}\n---\n{again}")


def _killed(
    world: World, place: Place, kill: Kill, words: tuple[str, ...]
) -> tuple[bool, str, list[int]]:
    """Whether it was in time, what the procedure said, and the processes that must end with it."""
    with _held(place, kill) as held:
        running = place.start(*words)
        if kill.step:
            _wait(lambda: held() or running.poll() is not None, PATIENCE_S)
        else:
            with suppress(subprocess.TimeoutExpired):
                running.wait(kill.share * world.lasts_s[kill.procedure])
        in_time = running.poll() is None
        children = below(running.pid)
        _strike(world, place, kill, running, children)
    try:
        said, _ = running.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        running.kill()
        said = f"Traceback: it did not end within {PATIENCE_S:g} s\n{running.communicate()[0]}"
    return in_time, said, children if kill.victim == "gonogo" else []


@contextmanager
def _held(place: Place, kill: Kill) -> Iterator[Callable[[], bool]]:
    """Have the ledger hold a procedure up at a step's end; what says that it is held."""
    if not kill.step:
        yield lambda: False
        return
    holder = psycopg.connect(place.conninfo, autocommit=True)
    try:
        row = ("unrecorded", kill.procedure, kill.step)
        holder.execute("insert into gonogo.pause values (%s, %s, %s)", row)
        holder.execute("select pg_advisory_lock(7)")
        mine = holder.info.backend_pid
        yield lambda: bool(place.ask(HELD, [mine]))
    finally:
        holder.close()


def _strike(
    world: World, place: Place, kill: Kill, running: subprocess.Popen[str], children: list[int]
) -> None:
    if kill.victim == "gonogo":
        running.kill()
    elif kill.victim == "a child":
        for pid in children[kill.seed % max(1, len(children)) :][:1]:
            _end(pid)
    elif kill.victim == "a session of the database":
        _end(int(str(place.ask(SESSION))))
        world.wait_until_up()
    else:
        _end(world.server.pid)
        world.revive()


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _looked_at(place: Place, said: str) -> tuple[str, list[str]]:
    """How the application is, and what is wrong with what was said of it."""
    wrong = ["a traceback"] if "Traceback" in said else []
    if revision := _settled(place):
        of = {place.repository.before: "the old", place.repository.after: "the new"}
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


def _run_next(place: Place, kill: Kill, words: tuple[str, ...], wrong: list[str]) -> str:
    """Do what a person does next, unless there is nothing left to do."""
    outcome = place.ask("select outcome from gonogo.deployment order by id desc limit 1")
    if outcome in {None, "rolled_back"} and kill.then == "rollback":
        return "nothing to roll back"
    code, said = place.run(*words)
    if code:
        wrong.append(f"the next {kill.then} ended with {code}")
    if "Traceback" in said:
        wrong.append("a traceback of the next run")
    return said


def _compared(world: World, place: Place, kill: Kill) -> list[str]:
    """What is not as it is after a procedure that nobody killed."""
    wrong = []
    names = ("the schema", "the rows")
    for name, is_so, must in zip(
        names, world.print_of(place), world.prints[kill.then], strict=True
    ):
        if is_so != must:
            wrong.append(f"{name} differ")
    revision = place.repository.after if kill.then == "deploy" else place.repository.before
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
