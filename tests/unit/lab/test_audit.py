"""The audit of the lock files, with a stand-in for pip-audit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.audit import main


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the locks lie: the stand-in answers with a lock's own text, and with 0 as ever."""
    program = tmp_path / "pip-audit"
    program.write_text(
        """#!/bin/sh
for word; do
    case $word in
        --requirement=*) lock=${word#*=} ;;
        --output=*) report=${word#*=} ;;
    esac
done
if [ -s "$lock" ]; then cp "$lock" "$report"; else echo "cannot read $lock" >&2; fi
""",
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


@pytest.mark.parametrize(
    ("report", "code", "says"),
    [
        ('{"dependencies": [{"name": "a", "vulns": []}]}', 0, "known of any of 1 packages"),
        (
            '{"dependencies": [{"name": "a", "vulns": [{"id": "CVE-1"}]}, {"name": "b"}]}',
            1,
            "vulnerabilities are known: a (CVE-1)",
        ),
        (
            '{"dependencies": [{"name": "a", "vulns": []}, {"name": "b", "skip_reason": "?"}]}',
            1,
            "NOT audited: the advisories of 1 of 2 packages could not be fetched",
        ),
        ('{"dependencies": []}', 1, "NOT audited: the advisories of 0 of 0 packages"),
        ("", 1, "a.txt: cannot read "),
    ],
    ids=["all is well", "a vulnerability", "one package unasked", "no package", "no report"],
)
def test_an_audit_that_could_not_ask_is_no_pass(
    locks: Path, report: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tool itself ends with 0 where it could ask about nothing: its report is judged."""
    (locks / "a.txt").write_text(report, encoding="utf-8")
    assert main([str(locks / "a.txt")]) == code
    assert says in capsys.readouterr().err


def test_each_lock_is_a_question_of_its_own(
    locks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pip-audit refuses two versions of a package at once; one lock unread is no pass."""
    files = [locks / "a.txt", locks / "b.txt"]
    for file in files:
        file.write_text('{"dependencies": [{"name": "a", "vulns": []}]}', encoding="utf-8")
    assert main([str(file) for file in files]) == 0
    files[1].write_text("", encoding="utf-8")
    assert main([str(file) for file in files]) == 1
    assert f"NOT audited: {files[1]}: cannot read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("report", "code", "says"),
    [
        ('{"dependencies": [{"name": "a", "skip_reason": "?"}]}', 0, "NOT audited: the advisories"),
        ("", 0, "NOT audited: "),
        ('{"dependencies": [{"name": "a", "vulns": []}, {"name": "b"}]}', 1, "NOT audited"),
        ('{"dependencies": [{"name": "a", "vulns": [{"id": "CVE-1"}]}]}', 1, "are known: a"),
        ('{"dependencies": []}', 1, "NOT audited"),
    ],
    ids=["nothing in reach", "no report", "one package unasked", "a vulnerability", "no package"],
)
def test_without_a_network_it_may_pass_but_is_never_called_audited(
    locks: Path, report: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--if-reachable` lets pass what nobody could be asked about at all, and nothing else."""
    (locks / "a.txt").write_text(report, encoding="utf-8")
    assert main(["--if-reachable", str(locks / "a.txt")]) == code
    assert says in capsys.readouterr().err
