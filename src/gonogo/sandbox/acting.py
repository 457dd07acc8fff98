"""The rollout on its stage: deployed and rolled back, and how long each took.

Meanwhile a client of the database reads and writes `users`: what it measures is the outage that a
client sees, the longest time from one answer to the next.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import psycopg

from gonogo.config.environments import CommandsConfig
from gonogo.config.project import MARKER
from gonogo.errors import SandboxError
from gonogo.interruption import admitted, held
from gonogo.model.step import StepEvent, StepKind, StepRecord, Tell
from gonogo.postgres.session import first_line
from gonogo.record.files import PRIVATE_MODE, write_whole
from gonogo.report.narration import Narration
from gonogo.rollout.deploy import deploy
from gonogo.rollout.recording import recorded
from gonogo.rollout.rollback import Request, rollback
from gonogo.sandbox.checkout import copy_project
from gonogo.sandbox.stage import DATABASE, Stage
from gonogo.sandbox.surroundings import packaged

# What a person needs to run the same gate by hand; none of these is a secret.
SHOWN_VARIABLES = ("NODE_ENV", "DATABASE_URL", "WEBHOOK_BASE_URL")
# What the team's own programs take is theirs: the commands, and the service until it is up.
NOT_OURS = frozenset({*CommandsConfig.model_fields, "stopped", "wait_healthy", "identity"})
VARIABLES = "variables.sh"
KEY = "practice_key"
SIGNER = "practice@example.com"
# Whatever would lead elsewhere.
UNSET = """\
for name in $(env | grep -oE '^(PG[A-Z]+|DB_[A-Z_]+|GIT_[A-Z_]+|DIRECT_URL|PORT)='); do
    unset "${name%=}"
done"""
ENDINGS = frozenset({StepKind.FINISHED, StepKind.SKIPPED, StepKind.FAILED})
# The same contents again: a user's row is written, and is not counted as changed.
WORK = """
update users set updated_at = updated_at where id = (select id from users order by id limit 1)
returning email"""
PAUSE_S = 0.002
LONGEST_START_S = 10.0


def roll_out(stage: Stage, narration: Narration) -> tuple[Path, Figure]:
    """Deploy the new revision; its record, and how long it took.

    Raises:
        GonogoError: A step failed.
    """
    context = stage.context
    result, record = recorded("deployment", context, narration, lambda tell: deploy(context, tell))
    if result.error:
        raise result.error
    return record, deployment_figure(result.steps)


def roll_back(stage: Stage, narration: Narration, reason: str) -> tuple[Path, tuple[Figure, ...]]:
    """Roll the deployment back while a client reads and writes; its record, what it took.

    Raises:
        GonogoError: A step failed.
        SandboxError: The client was answered with an error.
    """
    context, watch = stage.context, Stopwatch("revert", narration)
    with client_at_work(stage.server.conninfo(DATABASE)) as client:
        result, record = recorded(
            "rollback", context, watch, lambda tell: rollback(context, tell, Request(reason=reason))
        )
    if result.error:
        raise result.error
    if client.errors:
        raise SandboxError(f"a client of users was refused: {client.errors[0]}")
    outage_s = client.outage_s(watch.began, watch.ended)
    return record, tuple(rollback_figures(watch.took_s, outage_s))


def by_hand(stage: Stage, options: list[str]) -> str:
    """The exact line that runs the gate on this world."""
    variables = [f"{name}={shlex.quote(stage.environ[name])}" for name in SHOWN_VARIABLES]
    words = [sys.executable, "-m", "pytest", "checks/", *options]
    return " ".join([*variables, shlex.join(words)])


def lay_out_practice(stage: Stage) -> Path:
    """Make the rehearsal's directory a project of its own: every command works there by hand.

    Returns:
        The file of variables that a shell must source first.

    Raises:
        SandboxError: ssh-keygen refuses.
    """
    root = copy_project(stage.project.root, stage.directory)
    with packaged(MARKER) as file:
        text = file.read_text(encoding="utf-8")
    archive_dir = json.dumps(str(stage.context.config.archive_dir))
    ours = f'archive_dir = {archive_dir}\nsimulated = true\nallowed_signers = "allowed_signers"'
    text = text.replace('archive_dir = "archive"', ours, 1)
    (root / MARKER).write_text(text, encoding="utf-8")
    _make_signer(root)
    lines = [UNSET, *(f"export {name}={shlex.quote(value)}" for name, value in _needed(stage))]
    lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    variables = root / VARIABLES
    write_whole(variables, "\n".join([*lines, ""]).encode(), PRIVATE_MODE)
    return variables


def _needed(stage: Stage) -> Iterator[tuple[str, str]]:
    """The variables that this world has and the session has not; none of git's: the user's stay."""
    for name, value in stage.environ.items():
        if os.environ.get(name) != value and not name.startswith("GIT_"):
            yield name, value


def _make_signer(root: Path) -> None:
    """Make a key to practise signing with; without ssh-keygen nobody can sign."""
    program = shutil.which("ssh-keygen")
    if program is None:
        return
    words = [program, "-q", "-t", "ed25519", "-N", "", "-C", SIGNER, "-f", str(root / KEY)]
    if subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode:
        raise SandboxError("ssh-keygen could not make a key to practise signing with")
    public = (root / KEY).with_suffix(".pub").read_text(encoding="utf-8")
    (root / "allowed_signers").write_text(f"{SIGNER} {public}", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured duration, and its limit.

    Args:
        what: What was measured, in words.
        took_s: How long it took, in seconds.
        limit_s: How long it may take, in seconds.
    """

    what: str
    took_s: float
    limit_s: float

    @property
    def is_kept(self) -> bool:
        """Whether it is within the limit."""
        return self.took_s <= self.limit_s

    def __str__(self) -> str:
        word = "within" if self.is_kept else "PAST"
        return f"{self.what:<46} {self.took_s:6.2f} s  {word} the limit of {self.limit_s:g} s"


@dataclass(slots=True)
class Stopwatch:
    """Passes events on, and measures one step.

    Args:
        step: The step.
        tell: Where events go.
        began: When it began, by the monotonic clock, in seconds.
        ended: When it ended.
    """

    step: str
    tell: Tell
    began: float = field(default=0.0, init=False)
    ended: float = field(default=0.0, init=False)

    def __call__(self, event: StepEvent) -> None:
        """Receive an event."""
        if event.step == self.step and event.kind is StepKind.STARTED:
            self.began = time.monotonic()
        if event.step == self.step and event.kind in ENDINGS:
            self.ended = time.monotonic()
        self.tell(event)

    @property
    def took_s(self) -> float:
        """How long the step took, in seconds."""
        return self.ended - self.began


def deployment_figure(steps: Sequence[StepRecord]) -> Figure:
    """How long a deployment took, beside the team's own programs.

    Args:
        steps: All that it did.
    """
    ours = sum(step.elapsed_s for step in steps if step.name not in NOT_OURS)
    return Figure("deployment, beside commands and service start", ours, 10.0)


def rollback_figures(revert_s: float, outage_s: float) -> Iterator[Figure]:
    """How long a revert took, and how long a client waited meanwhile.

    Args:
        revert_s: The revert's step, in seconds.
        outage_s: The client's longest wait, in seconds.
    """
    yield Figure("revert of the database", revert_s, 2.0)
    yield Figure("longest wait of a client of users meanwhile", outage_s, 0.5)


@dataclass(slots=True)
class Client:
    """A client at work.

    Args:
        conninfo: The database.
        answers: When each answer came, by the monotonic clock, in seconds.
        errors: What was answered with an error; there should be none.
    """

    conninfo: str
    answers: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def outage_s(self, began: float, ended: float) -> float:
        """The longest time without an answer that touches a stretch of time, in seconds.

        Args:
            began: Its beginning, by the monotonic clock.
            ended: Its end.
        """
        gaps = pairwise(self.answers)
        return max((end - begin for begin, end in gaps if end > began and begin < ended), default=0)

    def work(self, began: threading.Event, stopping: threading.Event) -> None:
        """Read and write until `stopping` is set.

        Args:
            began: Set with the first answer.
            stopping: Set to stop.
        """
        with psycopg.connect(self.conninfo, autocommit=True, prepare_threshold=None) as link:
            while not stopping.is_set():
                try:
                    link.execute(WORK)
                    self.answers.append(time.monotonic())
                except psycopg.Error as error:
                    self.errors.append(first_line(error))
                began.set()
                stopping.wait(PAUSE_S)


@contextmanager
def client_at_work(conninfo: str) -> Iterator[Client]:
    """Have a client read and write while the body runs.

    Args:
        conninfo: The database.
    """
    client, began, stopping = Client(conninfo), threading.Event(), threading.Event()
    thread = threading.Thread(target=client.work, args=(began, stopping), name="client")
    # Held: a thread that nobody stops would keep an interrupted rehearsal from ending.
    with held():
        thread.start()
        try:
            with admitted():
                began.wait(LONGEST_START_S)
                yield client
        finally:
            stopping.set()
            thread.join()
