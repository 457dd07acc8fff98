"""Four records, a verdict each, of a rehearsal's world: the same command that a newcomer types."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gonogo.sandbox.checkout import copy_project

ROOT = Path(__file__).parents[2]
# Of a window that is longer than the soak nobody can say GO yet.
WINDOW, LONGER = "--window=48h", "--window=72h"
VERDICTS = ("GO", "HOLD", "NO-GO", "ROLLBACK")
INCIDENTS = ("flaky-sync", "sync-outage")


def make_records(checkout: Path) -> dict[str, Path]:
    """Rehearse until each verdict has its record.

    Args:
        checkout: Where the project is copied to; everything that is started there is stopped.

    Returns:
        The page of each verdict.

    Raises:
        RuntimeError: A verdict has no record in the end.
    """
    copy_project(ROOT, checkout)
    with _kept(checkout) as by_hand:
        _ask(checkout, by_hand.replace(WINDOW, LONGER))
    for incident in INCIDENTS:
        with _kept(checkout, "--incident", incident):
            pass
    return {verdict: _page(checkout, verdict) for verdict in VERDICTS}


@contextmanager
def _kept(checkout: Path, *options: str) -> Iterator[str]:
    """A rehearsal's world, and the line that asks its gate by hand."""
    try:
        told = _gonogo(checkout, "rehearse", "--keep", *options)
        yield next(line.strip() for line in told.splitlines() if " DATABASE_URL=" in line)
    finally:
        _gonogo(checkout, "rehearse", "--stop")


def _gonogo(checkout: Path, *words: str) -> str:
    command = [sys.executable, "-m", "gonogo", *words]
    # A terminal of this width breaks no line.
    environ = os.environ | {"COLUMNS": "400"}
    return subprocess.run(
        command, cwd=checkout, env=environ, capture_output=True, text=True, check=True
    ).stdout


def _ask(checkout: Path, line: str) -> None:
    words: Sequence[str] = shlex.split(line)
    given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    subprocess.run(
        words[len(given) :], cwd=checkout, env=os.environ | given, capture_output=True, check=False
    )


def _page(checkout: Path, verdict: str) -> Path:
    """The newest record of a verdict."""
    for path in sorted(checkout.glob("reports/archive/*/*/record.json"), reverse=True):
        told = json.loads(path.read_bytes())["verdict"]
        if told and told["kind"] == verdict:
            return path.with_name("record.html")
    raise RuntimeError(f"the rehearsal brought no {verdict}")
