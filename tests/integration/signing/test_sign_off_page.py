"""docs/sign-off.md: its lines, run in their order as they stand there, by real keys."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gate_process import make_checkout
from signers import ADA, Office, make_key, public

pytestmark = [pytest.mark.ssh]
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "sign-off.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
NAME = "20261123T141500Z_GO"


@pytest.fixture
def checkout(tmp_path: Path) -> Office:
    """A checkout whose archive holds one record, and a home with one key."""
    root = make_checkout(tmp_path / "project")
    (root / "home" / ".ssh").mkdir(parents=True)
    office = Office(root, {ADA: make_key(root / "home" / ".ssh" / "id_ed25519")})
    # The page's own place for records, as rollout.toml has it.
    (root / "reports" / "archive").mkdir(parents=True)
    (root / "archive").symlink_to(root / "reports" / "archive")
    # A session is the command of the same name, which another test proves.
    (root / "noxw").write_text(
        f'#!/bin/sh\nshift\nname=$1\nshift\n[ "$1" = "--" ] && shift\n'
        f'exec "{sys.executable}" -m gonogo "$name" "$@"\n',
        encoding="utf-8",
    )
    (root / "noxw").chmod(0o700)
    return office


@pytest.mark.slow
def test_every_line_of_the_page_does_what_it_says(checkout: Office) -> None:
    """Who may sign, a decision and its withdrawal, and the proof with and without gonogo."""
    record = checkout.close()
    unset = ("DATABASE_URL", "NODE_ENV")
    environ = {name: text for name, text in checkout.environ.items() if name not in unset}
    environ["HOME"] = str(checkout.root / "home")
    for line in LINES:
        told = subprocess.run(
            ["bash", "-c", line.replace(NAME, record.name)],
            cwd=checkout.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert told.returncode == 0, f"{line}\n{told.stdout}{told.stderr}"
    assert public(checkout.keys[ADA]) in checkout.allowed.read_text(encoding="utf-8")
    assert (record / "signoff-2.json").is_file()
    assert stat.S_IMODE((record / "signatures.html").stat().st_mode) == 0o640


def test_the_page_knows_every_option_and_file() -> None:
    """What the commands take and what they leave is in its tables."""
    options = ("--decision", "--by", "--attest", "--override", "--for", "--key", "--all")
    files = ("files.sha256", "chain.sha256", "signoff-N.json", "signatures.html")
    assert all(name in PAGE for name in (*options, *files, "--staging-record"))
