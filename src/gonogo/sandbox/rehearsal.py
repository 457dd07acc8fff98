"""The rehearsal: a whole rollout, forward and back, on an embedded PostgreSQL.

It takes the same paths as a real one: `deploy`, ``pytest checks/``, `rollback`. Only the clock is
ahead: the 48 hours of traffic lie after the deployment, so its ledger is marked simulated. The gate
runs in a process of its own, as it would in CI.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from gonogo.config.project import Project
from gonogo.errors import SandboxError, UsageError
from gonogo.interruption import admitted, held
from gonogo.model.kinds import EXIT_CODES, VerdictKind
from gonogo.model.measurement import format_moment
from gonogo.model.record import Record
from gonogo.process import run_gate_process
from gonogo.record.canonical import read_record
from gonogo.report.answers import reasons
from gonogo.report.index import INDEX_FILE
from gonogo.report.narration import Narration
from gonogo.report.terminal import STYLES
from gonogo.report.text import BAD
from gonogo.sandbox import acting, incidents
from gonogo.sandbox.acting import Figure
from gonogo.sandbox.incidents import Incident
from gonogo.sandbox.stage import Stage
from gonogo.sandbox.surroundings import forget_foreign
from gonogo.sandbox.traffic import Traffic, generate
from gonogo.screen import command

SOAK = timedelta(hours=48)
DEFAULT_INCIDENT = "sync-outage"
MOST_REASONS = 4
# The migration that the sandbox's schema waits for: a project without it is another application's.
FIRST_MIGRATION = "038_add_admin_role_support.sql"
# What a user has pytest do in every project is not what CI does with this one.
FOR_OTHER_TESTS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
# What can be practised, in this order.
PRACTICE = (
    "gonogo status",
    f"gonogo sign-off RECORD --decision reviewed --by {acting.SIGNER} --key {acting.KEY}",
    "gonogo rollback",
    "gonogo deploy staging --revision {after}",
    "gonogo checklist",
)
VERDICTS = {EXIT_CODES[kind]: kind for kind in VerdictKind}


@dataclass(slots=True)
class Rehearsal:
    """One rehearsal.

    Args:
        project: The checkout that is rehearsed.
        narration: Where its progress is shown.
        users: How many users the application has.
        seed: Another seed makes other traffic.
    """

    project: Project
    narration: Narration
    users: int = 500
    seed: int = 1
    records: list[Path] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)

    def run(self, *, incident: str | None = None, keep: bool = False) -> None:
        """Rehearse; whatever was started is stopped again, however this ends.

        Args:
            incident: The incident to inject; None takes the usual one, and with `keep` none.
            keep: Stop before the rollback and leave server and application running.

        Raises:
            UsageError: There is no such incident, or the project is another application's.
            SandboxError: The sandbox cannot run here, or a verdict is not what it must be.
        """
        if not (self.project.migrations_dir / FIRST_MIGRATION).is_file():
            raise UsageError(
                "the sandbox cannot rehearse this project: it holds another application",
                "run this in a checkout of gonogo, or deploy to a staging database of your own",
            )
        if not shutil.which("git"):
            raise SandboxError("git is not installed", "install it; the rehearsal needs it")
        forget_foreign(os.environ)
        chosen = incidents.find_incident(DEFAULT_INCIDENT if incident is None else incident)
        with self._stage(keep=keep) as stage:
            end = self._roll_out(stage)
            self._judge(stage, end, "48h", VerdictKind.GO)
            if keep and incident is None:
                self._keep(stage, end, "48h")
                return
            as_of = self._inject(stage, chosen, end)
            self._judge(stage, as_of, chosen.window, chosen.verdict)
            if keep:
                self._keep(stage, as_of, chosen.window)
                return
            self._roll_back(stage, chosen)
        self._sum_up()

    def stop_kept(self) -> None:
        """Stop what an earlier rehearsal left running."""
        forget_foreign(os.environ)
        stopped = Stage.clear(self.project)
        self.narration.say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")

    @contextmanager
    def _stage(self, *, keep: bool) -> Iterator[Stage]:
        self.narration.chapter("The world before")
        with held():
            stage = Stage.set_up(self.project, self.narration, self.users, self.seed, keep=keep)
            try:
                with admitted():
                    yield stage
            except BaseException as error:
                stage.tear_down(because=error)
                raise
            if not keep:
                stage.tear_down()

    def _roll_out(self, stage: Stage) -> datetime:
        """Deploy, and let 48 hours of traffic pass; the moment at their end."""
        self.narration.chapter("Deploy to staging")
        record, figure = acting.roll_out(stage, self.narration)
        self.records.append(record)
        self.figures.append(figure)
        start = stage.deployed_at()
        end = start + SOAK
        self.narration.chapter("48 hours of traffic")
        with self.narration.doing("Users, syncs, webhooks, jobs") as line, stage.connect() as link:
            summary = generate(link, Traffic(start, end, seed=self.seed))
            line.proved = f"{sum(summary.rows.values()):,} rows up to {format_moment(end)}"
        return end

    def _judge(self, stage: Stage, as_of: datetime, window: str, must: VerdictKind) -> None:
        self.narration.chapter(f"The gate: pytest checks/ --window={window}")
        gate = run_gate(stage, as_of, window, self.narration)
        self.records.append(gate.record)
        if gate.verdict is not must:
            raise SandboxError(
                f"the verdict is {gate.verdict}, and must be {must}", f"read {gate.record}"
            )

    def _inject(self, stage: Stage, incident: Incident, at: datetime) -> datetime:
        self.narration.chapter(f"An incident: {incident.name}")
        self.narration.say(f"  {incident.title}")
        with self.narration.doing("Let it happen") as line, stage.connect() as link:
            injected = incidents.inject(link, incident, at, seed=self.seed)
            line.proved = f"it goes on until {format_moment(injected.as_of)}"
        return injected.as_of

    def _roll_back(self, stage: Stage, incident: Incident) -> None:
        self.narration.chapter("Roll back")
        record, figures = acting.roll_back(stage, self.narration, incident.title)
        self.records.append(record)
        self.figures += figures

    def _keep(self, stage: Stage, as_of: datetime, window: str) -> None:
        self._sum_up()
        self.narration.chapter("Everything is left running")
        self.narration.say(f"  database     {stage.environ['DATABASE_URL']}")
        self.narration.say(f"  application  {stage.environ['WEBHOOK_BASE_URL']}")
        self.narration.say("  the same gate by hand:")
        by_hand = acting.by_hand(stage, gate_options(as_of, window))
        self.narration.say(f"    {by_hand}", "bold", whole=True)
        variables = acting.lay_out_practice(stage)
        self.narration.say("  practise every command, in a shell that has its variables:")
        words = shlex.quote(str(variables.parent))
        for line in (f"cd {words} && . ./{variables.name}", *PRACTICE):
            shown = line.replace("{after}", stage.repository.after)
            self.narration.say(f"    {shown}", "bold", whole=True)
        self.narration.say("  stop it all, from here:")
        self.narration.say(f"    {command('rehearse', '--stop')}", "bold")

    def _sum_up(self) -> None:
        self.narration.chapter("What it took")
        for figure in self.figures:
            self.narration.say(f"  {figure}", "" if figure.is_kept else f"bold {BAD}")
        self.narration.chapter("What lies in the archive")
        for record in self.records:
            self.narration.say(f"  {record}")
        index = self.project.root / "reports" / "archive" / INDEX_FILE
        self.narration.say(f"  {index} lists all that were ever made here")


@dataclass(frozen=True, slots=True)
class GateRun:
    """How a run of the gate ended.

    Args:
        verdict: By its exit code.
        record: Its ``record.html``.
    """

    verdict: VerdictKind
    record: Path


def run_gate(stage: Stage, as_of: datetime, window: str, narration: Narration) -> GateRun:
    """Run the gate at a moment.

    Args:
        stage: The running world.
        as_of: The window's end.
        window: Its length, as the option takes it.
        narration: Where its progress is shown.

    Raises:
        SandboxError: pytest itself failed; the message holds its last words.
    """
    words = [sys.executable, "-m", "pytest", "checks/", "-q", *gate_options(as_of, window)]
    before = stage.records()
    with narration.doing("Measure once, judge every check") as line:
        finished = _finished(words, stage)
        new = sorted(stage.records() - before)
        if finished.returncode not in VERDICTS or not new:
            last = (finished.stdout + finished.stderr).strip().splitlines()
            raise SandboxError(f"the gate itself failed: {last[-1] if last else 'no word from it'}")
        record = read_record(new[-1])
        line.proved = f"{len(record.findings)} checks answered"
    verdict = VERDICTS[finished.returncode]
    _tell_verdict(narration, record)
    return GateRun(verdict, new[-1] / "record.html")


def _finished(words: list[str], stage: Stage) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in stage.environ.items() if name not in FOR_OTHER_TESTS}
    return run_gate_process(words, cwd=stage.project.root, env=environ, apart=True)


def _tell_verdict(narration: Narration, record: Record) -> None:
    """Print a verdict and its reasons in a few lines."""
    kind, given = record.verdict.kind if record.verdict else "", reasons(record)
    health = f", health score {record.score.points:g} of 100" if record.score else ""
    narration.say(f"  {kind}{health}", STYLES.get(kind, ""))
    for reason in given[:MOST_REASONS]:
        narration.say(f"    {reason}")
    if len(given) > MOST_REASONS:
        narration.say(f"    and {len(given) - MOST_REASONS} more, in the record")


def gate_options(as_of: datetime, window: str) -> list[str]:
    """The options that a person would type to get the same verdict."""
    return [f"--window={window}", f"--as-of={format_moment(as_of)}"]
