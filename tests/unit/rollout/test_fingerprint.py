"""A schema's dump is stripped of what does not tell about the schema."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gonogo.rollout import fingerprint


def test_random_tokens_and_headers_do_not_count() -> None:
    """Two dumps of one schema differ in their tokens and versions only."""
    dump = (
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict {}\nCREATE TABLE t ();\n\\unrestrict {}"
    )
    one, other = (fingerprint.normalised(dump.format(token, token)) for token in ("aB1", "xY2"))
    assert list(one) == list(other) == ["CREATE TABLE t ();"]


def test_a_condition_counts_by_its_labels() -> None:
    """Casts move with each dump and restore; the labels stay."""
    one = "CHECK (((r)::text = ANY ((ARRAY['a'::character varying])::text[])))"
    other = "CHECK (((r)::text = ANY (ARRAY[('a'::character varying)::text])))"
    changed = "CHECK (((r)::text = ANY (ARRAY[('b'::character varying)::text])))"
    lines = [next(iter(fingerprint.normalised(line))) for line in (one, other, changed)]
    assert lines[0] == lines[1] != lines[2]


def test_the_password_never_stands_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other users of the machine see command lines, not environments."""
    seen: list[tuple[list[str], str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        environment = options["env"]
        assert isinstance(environment, dict)
        seen.append((command, environment["PGPASSWORD"]))
        return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    fingerprint.schema_fingerprint(Path("/bin"), "host=h user=u password=hunter2")
    assert seen[0][1] == "hunter2"
    assert "hunter2" not in " ".join(seen[0][0])
