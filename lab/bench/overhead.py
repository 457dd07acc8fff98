"""What the suite costs in addition to its SQL: ``pytest checks/`` and a bare pytest of one test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import SandboxError
from gonogo.model.kinds import EXIT_CODES, VerdictKind
from gonogo.model.measurement import format_moment
from gonogo.sandbox.checkout import copy_project
from lab.bench.clock import OUT
from lab.bench.timing import Times
from lab.bench.world import World

VERDICTS = {EXIT_CODES[kind] for kind in VerdictKind}
BARE = "def test_one() -> None:\n    pass\n"


@dataclass(frozen=True, slots=True)
class Overhead:
    """The times, one for each run.

    Args:
        bare: A bare pytest of one test.
        suite: ``pytest checks/``, whole.
        sql: Of that, while a query was under way.
        record: Of that, while the record was written.
    """

    bare: Times
    suite: Times
    sql: Times
    record: Times

    @property
    def over_bare(self) -> Times:
        """What the suite takes beside its SQL and a bare pytest, its record's time included."""
        rounds = zip(self.suite.rounds, self.sql.rounds, self.bare.rounds, strict=True)
        return Times(tuple(suite - sql - bare for suite, sql, bare in rounds))


def overhead(world: World, scratch: Path, rounds: int) -> Overhead:
    """Run both, alternating; a first round writes the compiled modules and does not count.

    Args:
        world: Which database is judged.
        scratch: An empty directory for the files of the runs.
        rounds: How many rounds count.
    """
    # In a checkout of its own: the records of these runs are nobody's.
    checkout = copy_project(Path(), scratch / "checkout")
    bare_dir = scratch / "bare"
    bare_dir.mkdir()
    (bare_dir / "pytest.ini").write_text("[pytest]\n", encoding="ascii")
    (bare_dir / "test_one.py").write_text(BARE, encoding="ascii")
    out = scratch / "clock.json"
    runs = []
    for _ in range(rounds + 1):
        bare, _ = _run(["."], bare_dir, {})
        suite, parts = _run(_options(world), checkout, _environ(world, out), out)
        runs.append((bare, suite, parts["sql_s"], parts["record_s"]))
    return Overhead(*(Times(times) for times in zip(*runs[1:], strict=True)))


def _options(world: World) -> list[str]:
    return [
        "checks/",
        "--window=14d",
        f"--as-of={format_moment(world.window.end)}",
        "--without=endpoints",
        "-p",
        "lab.bench.clock",
    ]


def _environ(world: World, out: Path) -> dict[str, str]:
    here = str(Path(__file__).resolve().parents[2])
    return {"DATABASE_URL": world.conninfo, OUT: str(out), "PYTHONPATH": here}


def _run(
    words: list[str], directory: Path, variables: dict[str, str], out: Path | None = None
) -> tuple[float, dict[str, float]]:
    # As at a user's: with compiled modules kept, and nothing of this project's own set-up.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    for name in ("PYTHONDONTWRITEBYTECODE", "NODE_ENV", "WEBHOOK_BASE_URL"):
        environ.pop(name, None)
    began = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *words],
        cwd=directory,
        env=environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if finished.returncode not in VERDICTS:
        last = (finished.stdout + finished.stderr).strip().splitlines()[-1:]
        raise SandboxError(f"pytest failed: {' '.join(last)}")
    return seconds, json.loads(out.read_text(encoding="ascii")) if out else {}
