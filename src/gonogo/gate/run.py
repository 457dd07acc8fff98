"""One run of the gate, from the options to the closed record: the state behind pytest's hooks.

Its evidence is staged before its record has a place, and copied once it has.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TextIO

from gonogo.checklist.entries import Desk
from gonogo.checklist.standing import checklist_block
from gonogo.config.project import Project
from gonogo.criteria import Metric
from gonogo.errors import GonogoError
from gonogo.gate.closing import closing, header, keep_heads, published, reproduce
from gonogo.gate.observe import ask_endpoints, observe
from gonogo.gate.setting import Observation, Options, Setting, resolve
from gonogo.judge.verdict import MAY_BE_LEFT_OUT, decide, unsettled
from gonogo.masking import Mask
from gonogo.model.finding import Finding, Verdict, VerdictReason
from gonogo.model.kinds import Outcome, Role, State, Why
from gonogo.model.record import PhaseEntry, Record
from gonogo.postgres.dsn import DatabaseSettings
from gonogo.record.archive import RunningRecord
from gonogo.report.english import limits_text, reason_of, verdict_reasons
from gonogo.report.index import RecordPages
from gonogo.report.terminal import print_figures, print_verdict
from gonogo.report.text import cut, visible

MOST_ID = 200
PREFIX = "gate-"
NAME = re.compile(r"gate-(\d+)-")


class GateRun:
    """What one run of ``pytest checks/`` knows so far.

    Args:
        project: Where things lie.
        options: What was asked.
    """

    def __init__(self, project: Project, options: Options) -> None:
        self.project = project
        self.options = options
        self.started_at = datetime.now(UTC)
        self.setting: Setting | None = None
        self.directory: Path | None = None
        self.problem: str | None = None
        # Reports of pytest's own that were asked for elsewhere, by the name that they have here.
        self.copies: dict[str, str | None] = {}
        # Test ids that failed without a finding that says why.
        self.unexplained: list[str] = []
        self._staging = staging_directory(project)
        self._observation: Observation | None = None
        self._answered: dict[str, Finding] = {}
        self._record: RunningRecord | None = None
        self._document: Record | None = None
        self.verdict: Verdict | None = None
        # What the terminal says after the verdict.
        self.remarks: list[str] = []

    @property
    def answers(self) -> tuple[Finding, ...]:
        """What the checks of this run asserted, in the order of the criteria file."""
        expected = (f"{role}:{metric.id}" for role, metric in self.fixed.expected)
        return tuple(self._answered[check] for check in expected if check in self._answered)

    @property
    def is_open(self) -> bool:
        """Whether the record was opened and is not closed yet."""
        return self._record is not None and self.directory is None

    def staged(self, name: str) -> Path:
        """Where an evidence file is written before the record's directory is known."""
        return self._staging / name

    def resolve(self, settings: DatabaseSettings | None) -> Setting:
        """Fix what is judged, once."""
        if self.setting is None:
            fixed = resolve(self.project, self.options, settings)
            mask = Mask.of(os.environ)
            problem = fixed.problem and mask(fixed.problem)
            self.setting = replace(fixed, mask=mask, problem=problem)
        return self.setting

    def asked(
        self, role: Role, only: frozenset[str], but: frozenset[str]
    ) -> tuple[tuple[Role, Metric], ...]:
        """The checks of one role: of the groups `only`, or of all groups but those of `but`."""
        return tuple(
            (asked, metric)
            for asked, metric in self.fixed.expected
            if asked is role and (metric.group in only if only else metric.group not in but)
        )

    def open_record(self) -> None:
        """Write down every expected check: from here on, an aborted run leaves a record."""
        head = header(self.fixed, self.started_at, reproduce(self.fixed))
        # A mistake in a template is reported now, not when all is judged.
        RecordPages(self.project.templates_dir).page(head)
        self._record = RunningRecord.open(self.fixed.archive_dir, head)
        self._document = head

    def finding(self, check: str) -> Finding:
        """The finding of one check; the first call measures everything."""
        return self._observed.findings[check]

    def answer(self, check: str) -> Finding:
        """Note that a check of this run has asserted its finding."""
        self._answered[check] = self.finding(check)
        return self._answered[check]

    def is_left_out(self, check: str) -> bool:
        """Whether what a check asks is left out on purpose; never measures for that alone."""
        observed = self._observation
        return bool(observed and observed.findings[check].outcome is Outcome.LEFT_OUT)

    def properties(self, check: str) -> list[tuple[str, object]]:
        """What JUnit XML says about a check beside its outcome."""
        found = self.finding(check)
        measurement = self._observed.measurements[found.metric]
        properties: list[tuple[str, object]] = [
            ("outcome", found.outcome.value),
            ("limit", limits_text(found.limits)),
            ("reason", self.reason(found)),
        ]
        count = measurement.count
        value = count.share if count else measurement.value
        if value is not None:
            properties.append(("value", float(value)))
        return properties + ([("k", count.k), ("n", count.n)] if count else [])

    def reason(self, found: Finding) -> str:
        """Why a finding's outcome is what it is, in one sentence."""
        return reason_of(found, self.fixed.criteria.metrics[found.metric])

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the verdict is what it is, in sentences; nothing before `decide`."""
        reasons = self.verdict.reasons if self.verdict else ()
        return verdict_reasons(reasons, self.answers, self.fixed.criteria.metrics)

    def decide(self, *, aborted: bool) -> Verdict:
        """The verdict on what was answered; everything that was not counts as open.

        Args:
            aborted: Whether the run was interrupted or crashed: then it is never GO.
        """
        hold = [VerdictReason(Why.ABORTED)] if aborted else []
        hold += [VerdictReason(Why.UNEXPLAINED, cut(node, MOST_ID)) for node in self.unexplained]
        seen, left_out = self._observation, sorted(self.options.without - MAY_BE_LEFT_OUT)
        hold += [VerdictReason(Why.GROUP_LEFT_OUT, group) for group in left_out]
        hold += unsettled(seen.measurements) if seen else ()
        if seen and seen.lost_anchor:
            hold.append(VerdictReason(Why.NO_ANCHOR, seen.lost_anchor))
        self.verdict = decide(
            [f"{role}:{metric.id}" for role, metric in self.fixed.expected],
            self._answered.values(),
            seen.window if seen else None,
            strict=self.options.strict,
            hold=hold,
            members=seen.members if seen else (),
        )
        return self.verdict

    def close(self, *, aborted: bool) -> None:
        """Put the evidence beside the record and close it under its verdict's name.

        Args:
            aborted: Whether the run was interrupted or crashed.

        Raises:
            GonogoError: The archive, or a copy that was asked for, cannot be written.
        """
        if self._record is None or self._document is None or self.verdict is None:
            return
        for evidence in ("evidence.html", "junit.xml"):
            if self.staged(evidence).is_file():
                shutil.copyfile(self.staged(evidence), self._record.directory / evidence)
        full = closing(self._document, self.fixed, self._observation, self.answers, self.verdict)
        state = State.ABORTED if aborted else State.COMPLETE
        full = full.having(state=state, finished_at=datetime.now(UTC))
        full = full.having(checklist=self._checklist(full))
        pages = RecordPages(self.project.templates_dir)
        self.directory = self._record.finish(full, self.verdict.kind.value, pages)
        self._document = full
        self.remarks += published(full, self.directory, self.options, os.environ)
        json = None if self.options.json == "-" else self.options.json
        for name, target in {**self.copies, "record.json": json}.items():
            if target is not None:
                copy(self.directory / name, Path(target))
        keep_heads(self.fixed)

    def show(self, stream: IO[str]) -> None:
        """Print the verdict block, and what went wrong beside it."""
        if self.directory is not None and self._document is not None:
            if self.options.figures:
                print_figures(self._document, stream)
            print_verdict(self._document, self.directory, stream)
        for line in filter(None, (self.problem, *self.remarks)):
            stream.write(f"gonogo: {visible(Mask.of(os.environ)(line))}\n")

    def pipe(self, stream: TextIO) -> None:
        """Write the record, byte for byte, where ``--json -`` sends it: for a pipe, so it is alone.

        Args:
            stream: Standard output.
        """
        if self.directory is None:
            return
        stream.flush()
        try:
            stream.buffer.write((self.directory / "record.json").read_bytes())
            stream.flush()
        except BrokenPipeError:
            # Whoever read it has gone; Python would complain of it once more at its own end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

    def clean_up(self) -> None:
        """Remove what was staged."""
        shutil.rmtree(self._staging, ignore_errors=True)

    @property
    def fixed(self) -> Setting:
        """What was resolved.

        Raises:
            GonogoError: It was not yet.
        """
        if self.setting is None:
            raise GonogoError("the gate was not resolved before it was asked")
        return self.setting

    @property
    def _observed(self) -> Observation:
        if self._observation is None:
            answers = ask_endpoints(self.fixed, os.environ)
            self._observation = observe(self.fixed, answers)
        return self._observation

    def _checklist(self, record: Record) -> tuple[PhaseEntry, ...]:
        setting = self.fixed
        desk = Desk(setting.checklist, setting.archive_dir, self.options.allowed_signers)
        return checklist_block(desk, setting.environment, (self.started_at, record))


def staging_directory(project: Project) -> Path:
    """Make a directory for one run, and remove what killed runs left.

    Args:
        project: It lies in the project's working directory, or, where that cannot be written, in
            the system's temporary one.
    """
    try:
        project.work_dir.mkdir(exist_ok=True)
        sweep(project)
        return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=project.work_dir))
    except OSError:
        return Path(tempfile.mkdtemp(prefix="gonogo-"))


def sweep(project: Project) -> None:
    """Remove what killed runs left in the project's working directory."""
    for left in project.work_dir.glob(f"{PREFIX}*"):
        _sweep(left)


def _sweep(left: Path) -> None:
    match = NAME.match(left.name)
    try:
        os.kill(int(match[1]) if match else 0, 0)
    except ProcessLookupError:
        shutil.rmtree(left, ignore_errors=True)
    except PermissionError:
        # Somebody else's process has that number: it may be theirs.
        return


def copy(file: Path, target: Path) -> None:
    """Copy what was asked for elsewhere.

    Raises:
        GonogoError: It cannot be written there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    except OSError as error:
        raise GonogoError(
            f"{str(target)!r} cannot be written ({error.strerror})", f"the record has it: {file}"
        ) from None
