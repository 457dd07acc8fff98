"""What CI systems run of the gate, and what they read of it: GitHub's action, GitLab's job."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import psycopg
import pytest
import yaml

from gate_process import Soaked

ROOT = Path(__file__).parents[3]
# What GitLab's parser takes for a file to attach, wherever a test printed it.
ATTACHMENT = re.compile(r"\[\[ATTACHMENT\|.+?\]\]")
STATES = ("failure", "error", "skipped")


def run(script: str, checkout: Path, soaked: Soaked, **variables: str) -> int:
    """Run a script as a CI system does, with gonogo's environment first on PATH."""
    asked = f"--without=endpoints --as-of={soaked.end.isoformat()}"
    told = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=checkout,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATABASE_URL": soaked.conninfo,
            "PYTEST_ADDOPTS": asked,
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert "Traceback" not in told.stdout + told.stderr
    return told.returncode


@pytest.mark.parametrize(("options", "code", "verdict"), [("", 0, "GO"), ("-k sync", 10, "HOLD")])
def test_the_action_says_its_verdict(
    checkout: Path, soaked: Soaked, tmp_path: Path, options: str, code: int, verdict: str
) -> None:
    """As the output of its step, with the gate's exit code."""
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (script,) = (step["run"] for step in steps if step.get("id") == "gate")
    outputs = tmp_path / "outputs"
    given = {"GATE_ENVIRONMENT": "staging", "GATE_WINDOW": "48h", "GATE_OPTIONS": options}
    found = run(
        script,
        checkout,
        soaked,
        RUNNER_TEMP=str(tmp_path),
        GITHUB_OUTPUT=str(outputs),
        **given,
    )
    assert (found, outputs.read_text(encoding="utf-8")) == (code, f"verdict={verdict}\n")


@pytest.mark.parametrize(("options", "program"), [("--version", ""), ("", "exit 0")])
def test_the_action_takes_no_success_for_a_go_without_a_record(
    tmp_path: Path, options: str, program: str
) -> None:
    """Neither what pytest would answer by itself, nor a program of that name that does nothing."""
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (script,) = (step["run"] for step in steps if step.get("id") == "gate")
    if program:
        (tmp_path / "gonogo").write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        (tmp_path / "gonogo").chmod(0o700)
    found = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=ROOT,
        env={
            "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_OUTPUT": str(tmp_path / "outputs"),
            "GATE_ENVIRONMENT": "staging",
            "GATE_WINDOW": "48h",
            "GATE_OPTIONS": options,
        },
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert found.returncode == 4
    assert not (tmp_path / "outputs").exists()


def test_gitlab_and_github_read_every_check_of_the_report(checkout: Path, soaked: Soaked) -> None:
    """By the rules of GitLab's parser, and of the test reporter that GitHub's users have."""
    job = yaml.safe_load((ROOT / "examples/gitlab/gate.gitlab-ci.yml").read_text("utf-8"))["gate"]
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute("drop index idx_token_health_status")
    _, gate = job["script"]
    code = run(gate, checkout, soaked, CI_ENVIRONMENT_NAME="staging", **job["variables"])
    assert code == 1
    report = checkout / job["artifacts"]["reports"]["junit"]
    root = ET.parse(report).getroot()
    # One top level `testsuites`, or GitLab reads no case.
    assert root.tag == "testsuites"
    cases = []
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.attrib["name"].strip()
        assert float(suite.attrib["time"]) >= 0
        cases += suite.findall("testcase")
        for state, counted in zip(STATES, ("failures", "errors", "skipped"), strict=True):
            assert int(suite.attrib[counted]) == len(suite.findall(f"testcase/{state}"))
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    # Two cases of one name and class would be one.
    named = [(case.attrib["classname"], case.attrib["name"]) for case in cases]
    assert len(set(named)) == len(named) > 50
    assert all(part == part.strip() != "" for name in named for part in name)
    assert all(float(case.attrib["time"]) >= 0 for case in cases)
    # The first state of a case is what it is taken for, and its text is what is shown.
    for case in cases:
        states = [one for one in case if one.tag in STATES]
        assert len(states) <= 1
        assert all((one.get("message") or "").strip() or (one.text or "") for one in states)
    assert len([case for case in cases if case.find("failure") is not None]) == 1
    assert not ATTACHMENT.search(report.read_text(encoding="utf-8"))
