"""The gate as a rehearsal runs it: ``pytest checks/`` in a process of its own, as CI would."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gonogo.errors import SandboxError
from gonogo.model.kinds import VerdictKind
from gonogo.model.window import format_moment
from gonogo.process import run_gate_process
from gonogo.report.narration import Narration
from gonogo.report.terminal import STYLES
from gonogo.sandbox.stage import Stage

MOST_REASONS = 4
# What a user has pytest do in every project is not what CI does with this one.
FOR_OTHER_TESTS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
VERDICTS = {kind.exit_code: kind for kind in VerdictKind}


@dataclass(frozen=True, slots=True)
class Told:
    """What a gate said.

    Args:
        verdict: By its exit code.
        record: Its ``record.html``.
    """

    verdict: VerdictKind
    record: Path


def run_gate(stage: Stage, as_of: datetime, window: str, narration: Narration) -> Told:
    """Run the gate at a moment.

    Args:
        stage: The running world.
        as_of: The window's end.
        window: Its length, as the option takes it.
        narration: Where it is told.

    Raises:
        SandboxError: pytest itself failed; the message holds its last words.
    """
    words = [sys.executable, "-m", "pytest", "checks/", "-q", *gate_options(as_of, window)]
    before = stage.records()
    with narration.doing("Measure once, judge every check") as told:
        finished = _finished(words, stage)
        new = sorted(stage.records() - before)
        if finished.returncode not in VERDICTS or not new:
            last = (finished.stdout + finished.stderr).strip().splitlines()
            raise SandboxError(f"the gate itself failed: {last[-1] if last else 'no word from it'}")
        document = json.loads((new[-1] / "record.json").read_text(encoding="utf-8"))
        told.proved = f"{len(document['findings'])} checks answered"
    verdict = VERDICTS[finished.returncode]
    told_verdict(narration, document)
    return Told(verdict, new[-1] / "record.html")


def _finished(words: list[str], stage: Stage) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in stage.environ.items() if name not in FOR_OTHER_TESTS}
    return run_gate_process(words, cwd=stage.project.root, env=environ, apart=True)


def told_verdict(narration: Narration, document: Mapping[str, Any]) -> None:
    """Tell a verdict and why, in a few lines."""
    verdict, score = document["verdict"], document["score"]
    health = f", health score {score['points']:g} of 100" if score else ""
    narration.say(f"  {verdict['kind']}{health}", STYLES[verdict["kind"]])
    for reason in verdict["reasons"][:MOST_REASONS]:
        narration.say(f"    {reason}")
    if len(verdict["reasons"]) > MOST_REASONS:
        narration.say(f"    and {len(verdict['reasons']) - MOST_REASONS} more, in the record")


def gate_options(as_of: datetime, window: str) -> list[str]:
    """The options that a person would type to get the same verdict."""
    return [f"--window={window}", f"--as-of={format_moment(as_of)}"]
