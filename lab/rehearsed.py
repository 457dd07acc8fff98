"""A rehearsal that is kept running, and the command that runs its gate by hand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gonogo.sandbox.checkout import copy_project

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Gate:
    """How the gate of a rehearsal is run by hand, as the rehearsal itself says.

    Args:
        words: The command.
        variables: What it sets in the environment.
    """

    words: tuple[str, ...]
    variables: dict[str, str]


def make_checkout(directory: Path) -> Path:
    """Copy the project to `directory`, so that the records made there are nobody's."""
    return copy_project(ROOT, directory)


@contextmanager
def kept(checkout: Path, *options: str) -> Iterator[Gate]:
    """A rehearsal's world, which is stopped afterwards, and its gate."""
    try:
        printed = gonogo(checkout, "rehearse", "--keep", *options)
        line = next(line for line in printed.splitlines() if " DATABASE_URL=" in line)
        words = shlex.split(line)
        given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
        yield Gate(tuple(words[len(given) :]), given)
    finally:
        gonogo(checkout, "rehearse", "--stop")


def gonogo(checkout: Path, *words: str) -> str:
    """Run a `gonogo` command in a checkout; what it prints."""
    # A terminal of this width breaks no line.
    environ = os.environ | {"COLUMNS": "400"}
    command = [sys.executable, "-m", "gonogo", *words]
    return subprocess.run(
        command, cwd=checkout, env=environ, capture_output=True, text=True, check=True
    ).stdout
