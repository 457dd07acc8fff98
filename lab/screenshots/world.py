"""Records from rehearsals: one for each verdict, a deployment, a rollback with its report."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from lab.rehearsed import Gate, gonogo, kept, make_checkout

# A window longer than the soak is HOLD.
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
    make_checkout(checkout)
    # To its end: the rollback and the draft of its incident report.
    gonogo(checkout, "rehearse")
    with kept(checkout) as gate:
        _ask(checkout, gate)
    for incident in INCIDENTS:
        with kept(checkout, "--incident", incident):
            pass
    return {verdict: _page(checkout, verdict) for verdict in VERDICTS}


def _ask(checkout: Path, gate: Gate) -> None:
    words = [LONGER if word == WINDOW else word for word in gate.words]
    environ = os.environ | gate.variables
    subprocess.run(words, cwd=checkout, env=environ, capture_output=True, check=False)


def _page(checkout: Path, verdict: str) -> Path:
    """The newest record of a verdict."""
    for path in sorted(checkout.glob("reports/archive/*/*/record.json"), reverse=True):
        found = json.loads(path.read_bytes())["verdict"]
        if found and found["kind"] == verdict:
            return path.with_name("record.html")
    raise RuntimeError(f"the rehearsal brought no {verdict}")
