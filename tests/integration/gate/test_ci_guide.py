"""docs/ci-gate.md: what it shows is run here, as it stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gate_process import Soaked

GUIDE = Path(__file__).parents[3] / "docs" / "ci-gate.md"
TEXT = GUIDE.read_text(encoding="utf-8")
SHELL = re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
# What the sandbox's database needs beside what is shown; a real one needs neither.
HERE = "--without=endpoints"
# A database of tests lies ahead of its clock, which only its ledger allows.
WITHOUT_LEDGER = "--without=ledger"
Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shell(checkout: Path) -> Shell:
    """Run a block of the guide in a checkout, with gonogo's environment first on PATH."""

    def run(block: str, conninfo: str, *more: str) -> subprocess.CompletedProcess[str]:
        variables = {
            "DATABASE_URL": conninfo,
            "NODE_ENV": "staging",
            "PYTEST_ADDOPTS": " ".join((HERE, *more)),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", block],
            cwd=checkout,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    return run


@pytest.mark.parametrize("block", [block for block in SHELL if WITHOUT_LEDGER not in block])
def test_what_is_shown_works(shell: Shell, soaked: Soaked, block: str) -> None:
    """On a healthy database each block is GO: exit code 0 and the verdict printed."""
    told = shell(block, soaked.conninfo, f"--as-of={soaked.end.isoformat()}")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "GO" in told.stdout + told.stderr


def test_a_database_without_a_ledger_is_asked_as_shown(shell: Shell, soaked: Soaked) -> None:
    """The block for somebody else's database runs; here its hours have yet to come."""
    (block,) = (block for block in SHELL if WITHOUT_LEDGER in block)
    told = shell(block, soaked.conninfo)
    assert told.returncode in {1, 10, 11}, told.stdout + told.stderr


def test_a_pipeline_that_waits_tells_hold_from_failure(
    shell: Shell, migrated_database: str
) -> None:
    """Right after a deployment the shown `case` says that it is too early, and stops nothing."""
    (block,) = (block for block in SHELL if "case" in block)
    told = shell(block, migrated_database)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.endswith("not yet: ask again later\n")


def test_the_workflow_runs_what_the_guide_explains(shell: Shell, soaked: Soaked) -> None:
    """The workflow's own line is the guide's first block, under the variables that it sets."""
    (line,) = re.findall(r"^ +- run: (pytest .*)$", TEXT, re.MULTILINE)
    assert f"{line}\n" == SHELL[0]
    for name in ("NODE_ENV", "DATABASE_URL", "WEBHOOK_BASE_URL", "ADMIN_JWT"):
        assert f"          {name}: " in TEXT
    told = shell(line, soaked.conninfo, f"--as-of={soaked.end.isoformat()}")
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_link_leads_somewhere() -> None:
    """The pages that the guide names are there."""
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (GUIDE.parent / link).is_file(), link
