"""squawk's remarks about migrations, and its absence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gonogo.ledger.migration import load
from gonogo.rollout.migrations.linter import ABSENT, find_linter, heard, lint

HEAVY = """\
alter table users add column x integer not null;

-- gonogo: no-transaction
create index concurrently if not exists by_x on users (x);
"""


def test_our_own_migrations_pass(pytestconfig: pytest.Config) -> None:
    """Each as the runner runs it: one transaction, then what is outside of it."""
    root = pytestconfig.rootpath
    found = find_linter({})
    assert found
    assert lint(found, load(root / "migrations"), root) == ()


def test_a_remark_names_file_and_line(tmp_path: Path) -> None:
    """What is outside the transaction does not count as a part of it."""
    (tmp_path / "001_heavy.sql").write_text(HEAVY)
    lines, told = heard({}, load(tmp_path), tmp_path)
    assert "squawk: 001_heavy.sql:1: Adding a new column that is `NOT NULL`" in " ".join(lines)
    assert not any("ban-concurrent-index" in line for line in lines)
    assert told == f"{len(lines)} warnings about 1 files"


def test_no_remark_asks_for_what_the_runner_sets(tmp_path: Path) -> None:
    """Without a configuration there is no warning about time limits, which the runner sets."""
    (tmp_path / "001_heavy.sql").write_text(HEAVY)
    lines, _ = heard({}, load(tmp_path), tmp_path)
    assert lines
    assert not any("timeout" in line for line in lines)


def test_the_shop_passes_without_a_configuration(pytestconfig: pytest.Config) -> None:
    """Its migrations are as squawk wants them."""
    found = find_linter({})
    assert found
    shop = pytestconfig.rootpath / "examples" / "shop"
    assert lint(found, load(shop / "migrations"), shop) == ()


def test_its_absence_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It says how to get it, and stands in nobody's way."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert heard({"PATH": str(tmp_path)}, (), tmp_path) == ((ABSENT,), ABSENT)


def test_one_that_does_not_work_stands_in_nobodys_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """That it gave no answer is reported, and no more."""
    (tmp_path / "001_x.sql").write_text("select 1;")
    fake = tmp_path / "squawk"
    fake.write_text("#!/bin/sh\necho nonsense\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    (line,), _ = heard({"PATH": ""}, load(tmp_path), tmp_path)
    assert line.startswith("squawk gave no answer")
