"""examples/soak/github-workflow.yml, run step by step as GitHub runs it.

What runs in a shell runs in bash as it stands there. GitHub's own actions are played: a cache that
keeps what is saved once under each key, and an artefact.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from gate_process import NAMES, Soaked, make_checkout
from gonogo.signing.verification import verify_archive

FILE = Path(__file__).parents[3] / "examples" / "soak" / "github-workflow.yml"
WORKFLOW = yaml.safe_load(FILE.read_text(encoding="utf-8"))
JOB = WORKFLOW["jobs"]["production"]
EXPRESSION = re.compile(r"\$\{\{ *([\w.]+) *\}\}")
INDEX = "idx_token_health_status"


@dataclass
class GitHub:
    """What outlives a runner, and what each of its runs starts from.

    Args:
        root: Where caches and runners lie.
        conninfo: What the secrets name.
        runs: How many there were.
        said: What the newest run printed.
        outcomes: How each step of the newest run ended, in order.
    """

    root: Path
    conninfo: str
    runs: int = 0
    said: str = ""
    outcomes: list[str] = field(default_factory=list)

    @property
    def verdicts(self) -> list[str]:
        """Of the records that the newest cache keeps, in order."""
        records = sorted(self.caches[-1].glob("production/*_*"))
        return [one.name.partition("_")[2] for one in records]

    @property
    def caches(self) -> list[Path]:
        """What is kept, oldest first."""
        return sorted((self.root / "caches").iterdir(), key=lambda one: one.stat().st_mtime_ns)

    def run(self, as_of: datetime, *, begin: bool = False) -> str:
        """Run the workflow on a fresh runner; its conclusion."""
        self.runs += 1
        self.said, self.outcomes = "", []
        home = make_checkout(self.root / f"runner-{self.runs}")
        contexts = {
            "github.run_id": str(self.runs),
            "github.run_attempt": "1",
            "inputs.begin": "true" if begin else "",
            "secrets.GATE_DATABASE_URL": self.conninfo,
        }
        shell = _environ(home) | {"AS_OF": as_of.isoformat()}
        for step in JOB["steps"]:
            ended = self._step(step, home, contexts, shell)
            self.outcomes.append(ended)
            if "id" in step:
                contexts[f"steps.{step['id']}.outcome"] = ended
        return "failure" if "failure" in self.outcomes else "success"

    def _step(
        self,
        step: Mapping[str, Any],
        home: Path,
        contexts: Mapping[str, str],
        shell: Mapping[str, str],
    ) -> str:
        if not self._is_due(step.get("if", "success()"), contexts):
            return "skipped"
        if "uses" in step:
            options = step.get("with", {}).items()
            given = {key: _filled(str(text), contexts) for key, text in options}
            self._play(step["uses"].partition("@")[0], home, given)
            return "success"
        # What GitHub starts where a step names no shell.
        env = {key: _filled(text, contexts) for key, text in step.get("env", {}).items()}
        ran = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=home,
            env={**shell, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.said += ran.stdout
        return "failure" if ran.returncode else "success"

    def _is_due(self, condition: str, contexts: Mapping[str, str]) -> bool:
        terms = [term.strip() for term in condition.split("&&")]
        # Without a word on it, a step asks for the success of all before it.
        if "always()" not in terms:
            terms.append("success()")
        return all(self._holds(term, contexts) for term in terms)

    def _holds(self, term: str, contexts: Mapping[str, str]) -> bool:
        if term in {"always()", "success()"}:
            return term == "always()" or "failure" not in self.outcomes
        left, _, right = term.partition(" == ")
        return contexts.get(left, "") == right.strip("'")

    def _play(self, action: str, home: Path, given: Mapping[str, str]) -> None:
        if action == "actions/cache/restore":
            prefixes = (given["key"], given["restore-keys"])
            found = [one for one in reversed(self.caches) if one.name.startswith(prefixes)]
            if found:
                shutil.copytree(found[0], home / given["path"])
        elif action == "actions/cache/save":
            kept = self.root / "caches" / given["key"]
            # A key is written once; a second save of it keeps the first.
            if (home / given["path"]).is_dir() and not kept.exists():
                shutil.copytree(home / given["path"], kept)
                os.utime(kept, ns=(self.runs, self.runs))
        elif action == "actions/upload-artifact":
            # GitHub only warns where there is nothing to upload.
            if (home / given["path"]).is_dir():
                shutil.copytree(home / given["path"], self.root / "artefact", dirs_exist_ok=True)
        else:
            assert action in {"actions/checkout", "actions/setup-python"}


def _filled(text: str, contexts: Mapping[str, str]) -> str:
    return EXPRESSION.sub(lambda found: contexts.get(found[1], ""), text)


def _environ(home: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in NAMES}
    kept = {name: text for name, text in kept.items() if not name.startswith("PG")}
    return kept | {"PATH": f"{home.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def github(tmp_path: Path, soaked: Soaked) -> GitHub:
    """A runner whose gonogo looks at a database of production as of a moment that a test names."""
    for place in ("bin", "caches"):
        (tmp_path / place).mkdir()
    programs = {
        "pip": "exit 0",
        "gonogo": f'[ "$1" = monitor ] && set -- "$@" --as-of="$AS_OF" --without=endpoints\n'
        f'exec "{sys.executable}" -m gonogo "$@"',
    }
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute("update gonogo.environment set name = 'production'")
        connection.execute("update gonogo.deployment set environment = 'production'")
    return GitHub(tmp_path, soaked.conninfo)


@pytest.mark.slow
def test_whatever_the_verdict_the_next_look_has_the_archive(github: GitHub, soaked: Soaked) -> None:
    """HOLD, NO-GO and GO: three runners, one chain of three records, proved as it came back."""
    end = soaked.end
    assert github.run(end - timedelta(hours=46), begin=True) == "failure"
    assert github.verdicts == ["HOLD"], github.said
    with psycopg.connect(soaked.conninfo) as connection:
        query = "select pg_get_indexdef(%s::regclass)"
        (index,) = connection.execute(query, [INDEX]).fetchone() or ()
        connection.execute(f"drop index {INDEX}")
    assert github.run(end) == "failure"
    assert github.verdicts == ["HOLD", "NO-GO"], github.said
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(index)
    assert github.run(end) == "success", github.said
    assert github.verdicts == ["HOLD", "NO-GO", "GO"]
    assert "chain of production" in github.said
    reports = list(verify_archive(github.caches[-1], None, github.root / "no templates"))
    assert [report.problems for report in reports] == [()] * 4
    assert len(list((github.root / "artefact" / "production").glob("*_*"))) == 3


@pytest.mark.slow
def test_an_archive_that_is_not_as_it_was_left_is_not_gone_on_with(
    github: GitHub, soaked: Soaked
) -> None:
    """There is no look, and it is not kept: the one before it comes back the next time."""
    github.run(soaked.end, begin=True)
    (kept,) = github.caches
    (page,) = kept.glob("production/*/record.html")
    page.write_text("forged", encoding="utf-8")
    assert github.run(soaked.end) == "failure"
    assert "record.html was changed" in github.said
    assert github.outcomes[-3:] == ["skipped", "skipped", "success"]
    assert github.caches == [kept]


def test_an_archive_that_does_not_come_back_is_missed(github: GitHub, soaked: Soaked) -> None:
    """GitHub forgets a cache that is old or large: the soak does not silently begin anew."""
    assert github.run(soaked.end) == "failure"
    assert "::error::no archive came back" in github.said
    assert github.caches == []


def test_only_one_looks_at_a_time() -> None:
    """Runs by hand and by the clock wait for each other, and a run that hangs is ended."""
    assert WORKFLOW["concurrency"] == {"group": "soak", "cancel-in-progress": False}
    assert JOB["timeout-minutes"] <= 60
