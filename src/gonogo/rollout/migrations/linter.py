"""The migration linter squawk, called when it is installed.

Its warnings are shown, and never refuse a migration; those about time limits, which the runner
sets, are left out. ``.squawk.toml`` beside rollout.toml says which others the team does not want.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gonogo.errors import StepError
from gonogo.ledger.migration import Migration
from gonogo.masking import without_secrets
from gonogo.postgres.sqlfile import Statement

PROGRAM = "squawk"
ABSENT = "no linter looked at the migrations: squawk is not installed (pip install squawk-cli)"
TIMEOUT_S = 60
# The runner sets both for every migration.
SET_BY_RUNNER = frozenset({"require-lock-timeout", "require-statement-timeout"})


@dataclass(frozen=True, slots=True)
class Lint:
    """One remark.

    Args:
        file: The migration's file name.
        line: Counted from 1.
        rule: What the linter calls it.
        message: What it says, in one line.
    """

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message} ({self.rule})"


def heard(
    environ: Mapping[str, str], migrations: Sequence[Migration], root: Path
) -> tuple[tuple[str, ...], str]:
    """What the linter says of migrations, a line each, and all of it in one.

    A linter that is missing or does not work is reported, and blocks nothing.

    Args:
        environ: Whose PATH is searched.
        migrations: The files.
        root: Where its configuration lies.
    """
    linter = find_linter(environ)
    if linter is None:
        return (ABSENT,), ABSENT
    try:
        remarks = lint(linter, migrations, root)
    except StepError as error:
        return (error.problem,), error.problem
    lines = tuple(f"{PROGRAM}: {remark}" for remark in remarks)
    return lines, f"{len(remarks)} warnings about {len(migrations)} files"


def find_linter(environ: Mapping[str, str]) -> Path | None:
    """Where squawk is installed: beside this Python, or on PATH; None when it is not installed."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(PROGRAM, path=beside) or shutil.which(PROGRAM, path=environ.get("PATH"))
    return Path(found) if found else None


def lint(linter: Path, migrations: Sequence[Migration], root: Path) -> tuple[Lint, ...]:
    """What squawk says of migrations, each as the runner runs it: one transaction, then the rest.

    Args:
        linter: The program.
        migrations: The files.
        root: Where its configuration lies.

    Raises:
        StepError: It cannot be run, or says nothing that can be read.
    """
    return tuple(remark for one in migrations for remark in _of(linter, one, root))


def _of(linter: Path, migration: Migration, root: Path) -> Iterator[Lint]:
    file = migration.file
    for statements, option in (
        (file.inside, "--assume-in-transaction"),
        (file.outside, "--no-assume-in-transaction"),
    ):
        if statements:
            name = migration.filename
            words = [option, "--reporter=json", f"--stdin-filepath={name}"]
            for remark in _asked(linter, words, _text(statements), root):
                line, rule = int(remark["line"]) + 1, str(remark["rule_name"])
                if rule not in SET_BY_RUNNER:
                    yield Lint(name, line, rule, " ".join(str(remark["message"]).split()))


def _text(statements: Sequence[Statement]) -> str:
    """The statements, each on the line that it has in its file."""
    text = ""
    for one in statements:
        text += "\n" * (one.line - 1 - text.count("\n")) + one.text + ";"
    return text + "\n"


def _asked(linter: Path, words: Sequence[str], text: str, root: Path) -> list[dict[str, Any]]:
    try:
        answer = subprocess.run(
            [linter, *words],
            input=text,
            cwd=root,
            env=without_secrets(os.environ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        remarks: list[dict[str, Any]] = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise StepError(f"{PROGRAM} gave no answer ({type(error).__name__})") from error
    return remarks
