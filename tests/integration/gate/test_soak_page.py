"""docs/soak.md and examples/soak/: what keeps a soak going, run and read as it stands there."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

import forked
from gate_process import Soaked
from gonogo.model.kinds import EXIT_CODES, VerdictKind
from gonogo.signing.verification import verify_record
from record_schema import faults

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "soak"
PAGE = (ROOT / "docs" / "soak.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
SESSIONS = {
    "monitor_staging": ["monitor", "staging"],
    "monitor_production": ["monitor", "production"],
    "final_report": ["final_report"],
}
# What the scripts that gonogo replaces printed, by section; our words for it.
OLD_MONITORS = {
    "Webhook health": [
        "Active subscriptions",
        "Subscriptions heard from in the last 48 h",
        "Silent webhooks",
        "Webhook success rate",
        "Notifications per subscription and day",
    ],
    "Onboarding": ["Onboarding success rate", "new_users", "pending"],
    "API usage reduction": ["API usage reduction (skipped syncs", "adaptive", "API calls saved"],
    "Sync performance": [
        "Sync success rate",
        "Syncs carried out, of all that were due",
        "skipped",
        "success",
        "failure",
        "Duration of successful syncs",
    ],
    "Token health": [
        "Users with an invalid token",
        "Invalid tokens, expired or revoked",
        "valid",
        "expiring_soon",
        "expired",
        "revoked",
    ],
    "Circuit breakers": ["Circuit breakers", "closed", "open", "half_open", "google_calendar"],
    "Background jobs": ["Token refresh has run", "Webhook renewal has run"],
    "Top errors": ["Sync errors"],
}
# There is no application behind these databases.
HERE = "--without=endpoints"
FIELD = re.compile(r"(\*|\d+)")
Type = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def type_line(checkout: Path) -> Type:
    """Type a line of the page in a checkout, where nox stands for the `gonogo` command."""

    def run(line: str, conninfo: str, *more: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(line)
        variables = dict(word.split("=", 1) for word in words if word.startswith("NODE_ENV="))
        session, *rest = words[len(variables) + 2 :]
        return forked.run(
            "gonogo",
            *SESSIONS[session],
            *rest[1:],
            *more,
            cwd=checkout,
            env=os.environ | {"DATABASE_URL": conninfo} | variables,
            timeout_s=60,
        )

    return run


@pytest.fixture
def production(soaked: Soaked) -> Any:
    """The same database, as the one of production."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute("update gonogo.environment set name = 'production'")
        connection.execute("update gonogo.deployment set environment = 'production'")
    return soaked


def test_the_page_shows_every_session() -> None:
    """None that there is not."""
    assert set(re.findall(r"noxw -s (\w+)", "\n".join(LINES))) == set(SESSIONS)
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert all(f"def {name}(session" in noxfile for name in SESSIONS)


def test_staging_is_looked_at_as_shown(type_line: Type, soaked: Soaked) -> None:
    """GO after 48 healthy hours."""
    (line,) = (line for line in LINES if "monitor_staging" in line)
    told = type_line(line, soaked.conninfo, f"--as-of={soaked.end.isoformat()}", HERE)
    assert told.returncode == 0, told.stdout + told.stderr


def test_nothing_that_the_old_monitors_printed_is_missing(
    type_line: Type, soaked: Soaked, checkout: Path
) -> None:
    """In the terminal and on the record's page alike, under the same headings."""
    as_of = f"--as-of={soaked.end.isoformat()}"
    told = type_line("./noxw -s monitor_staging", soaked.conninfo, as_of, HERE).stdout
    (page,) = (checkout / "reports" / "archive").glob("staging/*/record.html")
    html = page.read_text(encoding="utf-8")
    for heading, figures in OLD_MONITORS.items():
        assert f"\n{heading}\n" in told, heading
        assert f">{heading}<" in html, heading
        for figure in figures:
            assert re.search(rf"^ +(\d+  )?{re.escape(figure)}\b", told, re.MULTILINE), figure
            assert figure in html, figure
    assert "of 48 hours of the window had traffic" in told
    assert told.index("Overall health score") < told.index(" GO ")


@pytest.mark.slow
def test_production_is_looked_at_and_summed_up_as_shown(
    type_line: Type, production: Any, checkout: Path
) -> None:
    """Two days of it are not two weeks: HOLD; the sum of it is a record, and says so too."""
    as_of = f"--as-of={production.end.isoformat()}"
    for line in LINES:
        if "monitor_production" in line:
            told = type_line(line, production.conninfo, as_of, HERE)
            assert told.returncode == (0 if "24h" in line else 10), told.stdout + told.stderr
            assert "Overall health score: 100 of 100, Excellent" in told.stdout
    told = type_line(LINES[-1], production.conninfo)
    assert told.returncode == 10, told.stdout + told.stderr
    (summary,) = (checkout / "reports" / "archive" / "production").glob("*_SUMMARY")
    assert str(summary / "record.html") in told.stdout
    document = json.loads((summary / "record.json").read_bytes())
    assert faults(document) == []
    assert len(document["records"]) == len(LINES) - 2
    assert document["verdict"]["kind"] == "HOLD"
    assert [phase["phase"] for phase in document["checklist"]][:2] == ["pre", "staging"]
    assert verify_record(summary, None, checkout / "reports" / "templates").problems == ()
    # Summing up is no look at the database: the next gate counts the gates alone.
    (line,) = (line for line in LINES if "monitor_production -- 24h" in line)
    told = type_line(line, production.conninfo, as_of, HERE)
    newest = max(path for path in summary.parent.glob("*_GO"))
    marks = json.loads((newest / "record.json").read_bytes())["soak"]["marks"]
    assert not any("SUMMARY" in (mark["record"] or "") for mark in marks)


def test_a_final_report_without_a_record_is_refused_in_one_line(
    type_line: Type, soaked: Soaked
) -> None:
    """And says what to run first."""
    told = type_line("./noxw -s final_report", soaked.conninfo)
    assert told.returncode == 4
    assert told.stderr.count("\n") == 1
    assert "run gonogo monitor production first" in told.stderr


def test_the_page_names_every_example_and_no_other() -> None:
    """Whoever follows it finds the files."""
    table = PAGE.partition("| file |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([\w-]+(?:\.\w+)?)`", table))
    assert {path.name for path in EXAMPLES.iterdir()} <= named


@pytest.mark.parametrize("name", ["gonogo-soak.service", "gonogo-soak.timer"])
def test_the_units_are_well_formed(name: str) -> None:
    """Sections and keys as systemd reads them."""
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    unit.read(EXAMPLES / name)
    assert unit["Unit"]["Description"]
    if name.endswith(".timer"):
        assert unit["Timer"]["OnCalendar"] == "hourly"
        assert unit["Install"]["WantedBy"] == "timers.target"
    else:
        program, *words = shlex.split(unit["Service"]["ExecStart"])
        assert program.endswith("/.nox/gonogo/bin/gonogo")
        assert words == ["monitor", "production", "24h"]
        assert unit["Service"]["SuccessExitStatus"] == str(EXIT_CODES[VerdictKind.HOLD])
        assert unit["Service"]["Type"] == "oneshot"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_itself_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    """With a program and a user that this machine has."""
    for path in EXAMPLES.glob("gonogo-soak.*"):
        text = path.read_text(encoding="utf-8").replace(
            "/srv/gonogo/.nox/gonogo/bin/gonogo", "/bin/true"
        )
        text = text.replace("User=gonogo\n", "").replace("EnvironmentFile=", "EnvironmentFile=-")
        (tmp_path / path.name).write_text(text.replace("WorkingDirectory=/srv/gonogo\n", ""))
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in told.stderr.splitlines() if "gonogo-soak" in line]
    assert complaints == []


def test_the_crontab_has_five_fields_and_a_known_session() -> None:
    """Every hour, in the checkout."""
    (line,) = (
        line
        for line in (EXAMPLES / "crontab").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    *fields, command = line.split(maxsplit=5)
    assert all(FIELD.fullmatch(field) for field in fields)
    assert fields[1:] == ["*"] * 4
    assert command.startswith("cd /srv/gonogo && ")
    assert "./noxw -s monitor_production -- 24h" in command


def test_the_workflow_looks_every_hour() -> None:
    """What it does with the archive is in test_soak_workflow.py."""
    workflow = yaml.safe_load((EXAMPLES / "github-workflow.yml").read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True]["schedule"] == [{"cron": "7 * * * *"}]
    assert workflow["permissions"] == {"contents": "read"}
    steps = workflow["jobs"]["production"]["steps"]
    (look,) = (step for step in steps if "monitor" in step.get("run", ""))
    assert look["run"] == "gonogo monitor production 24h"
    assert set(look["env"]) >= {"NODE_ENV", "DATABASE_URL", "WEBHOOK_BASE_URL"}
