"""The README: what a newcomer types does what it says, and nothing is missing from its tables."""

from __future__ import annotations

import json
import re

import pytest

from desk import Desk
from gonogo.model.kinds import VerdictKind
from gonogo.plugin import add_options
from gonogo.sandbox.server import EmbeddedServer
from howto import BLOCK, ROOT, load_noxfile, run_block

README = (ROOT / "README.md").read_text(encoding="utf-8")
# pytest's own, which the gate heeds too.
PYTESTS = {"--strict", "-q"}


def test_every_option_of_the_gate_is_in_the_table() -> None:
    """Each that pytest is given, and pytest's own that the gate heeds."""
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    ours = {name for option in parser._anonymous.options for name in option.names()}
    ours |= {name for group in parser._groups for one in group.options for name in one.names()}
    told = re.findall(r"^\| `(-[a-z-]+)", README, re.MULTILINE)
    assert sorted(told) == sorted(ours | PYTESTS)


def test_every_session_and_every_file_that_it_names_is_there() -> None:
    """A command that a newcomer copies exists, and a link leads somewhere."""
    noxfile = load_noxfile()
    sessions = set(re.findall(r"noxw -s (\w+)", README))
    assert sessions
    assert [name for name in sessions if not hasattr(noxfile, name)] == []
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_four_verdicts_have_the_exit_codes_of_the_table() -> None:
    """What a pipeline is told to expect is what comes."""
    rows = re.findall(r"^\| `([A-Z-]+)` \| .* \| (\d+) \|$", README, re.MULTILINE)
    assert {kind: int(code) for kind, code in rows} == {
        kind.value: kind.exit_code for kind in VerdictKind
    }


def test_a_database_of_ones_own_is_judged_as_shown(
    migrated_desk: Desk, server: EmbeddedServer
) -> None:
    """The role is made, the database is judged, and the record says what was left out."""
    (block,) = (block for kind, block in BLOCK.findall(README) if "gate_role" in block)
    role = f"gate_{migrated_desk.database}"
    (migrated_desk.root / "roles").symlink_to(ROOT / "roles")
    meant = {"-f": f"-v role={role} -f"}
    try:
        told = run_block(migrated_desk, block, meant, server.bin_dir)
        assert told.returncode in {1, 10, 11}, told.stdout + told.stderr
        (record,) = migrated_desk.root.glob("archive/staging/*/record.json")
        assert json.loads(record.read_bytes())["without"] == ["endpoints", "ledger"]
    finally:
        migrated_desk.ask(f"drop owned by {role}; drop role {role}")
