"""One run of ``pytest checks/`` as its users know it: exit codes, selection, evidence, records."""

import json
import os
import shlex
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from gate_process import GateOutcome, Soaked
from gonogo import __version__
from gonogo.criteria import Metric
from gonogo.model.kinds import Environment
from record_schema import faults, statement_faults

Gate = Callable[..., GateOutcome]
STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")


def as_of(soaked: Soaked) -> str:
    """The option that ends the window where the traffic ends."""
    return f"--as-of={soaked.end.isoformat()}"


def test_go_is_exit_code_0_and_leaves_a_whole_record(gate: Gate, soaked: Soaked) -> None:
    """A healthy run exits 0; record, page, evidence and JUnit XML are named by its verdict."""
    told = gate(soaked.conninfo, *STAGING, as_of(soaked))
    assert told.code == 0, told.output
    (record,) = told.records
    assert record.name.endswith("_GO")
    names = {path.name for path in record.iterdir()}
    own = {"record.json", "record.html", "attestation.json", "evidence.html", "junit.xml"}
    assert names == {*own, "files.sha256", "signatures.html"}
    assert told.document["state"] == "complete"
    assert told.document["gonogo"] == __version__
    assert len(told.document["findings"]) == len(told.document["expected"])
    assert faults(told.document) == []


def test_the_attestation_names_the_very_migrations(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """What is in place in the database is a subject, by the hash of its file."""
    (record,) = gate(soaked.conninfo, *STAGING, as_of(soaked)).records
    statement = json.loads((record / "attestation.json").read_bytes())
    assert statement_faults(statement) == []
    assert statement["predicate"]["verifiedLevels"] == ["GONOGO_REHEARSAL_GO_WITHOUT_ENDPOINTS"]
    files = {path for path in (checkout / "migrations").glob("*.sql") if "revert" not in path.name}
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in files}
    subject = {one["name"]: one["digest"].get("sha256") for one in statement["subject"]}
    assert {name: digest for name, digest in subject.items() if name != "application"} == hashes


def test_an_anchor_that_is_not_there_is_never_go(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """A misspelt anchor pins no schema: the verdict is HOLD, and says which table is missing."""
    rollout = checkout / "rollout.toml"
    rollout.write_text(rollout.read_text().replace('anchor = "users"', 'anchor = "usres"'))
    held = gate(soaked.conninfo, *STAGING, as_of(soaked))
    assert held.code == 10, held.output
    assert "no table usres (the anchor in rollout.toml)" in held.output


def test_the_verdict_is_the_last_thing_told(gate: Gate, soaked: Soaked) -> None:
    """The terminal ends with the verdict, its figures, and where the record lies."""
    told = gate(soaked.conninfo, *STAGING, as_of(soaked))
    tail = told.output[told.output.rindex("passed") :]
    assert "GO" in tail
    assert "Health score: 100 of 100, Excellent" in tail
    assert tail.rstrip().endswith(f"{told.records[-1] / 'record.html'}")


@pytest.mark.parametrize(
    "selection", [("-k", "sync"), ("--deselect", "checks/test_alerts.py")], ids=["-k", "--deselect"]
)
def test_a_part_of_the_checks_is_never_go(
    gate: Gate, soaked: Soaked, selection: tuple[str, ...]
) -> None:
    """Selecting some checks is HOLD, with the list of those that were not run."""
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), *selection)
    assert told.code == 10, told.output
    verdict = told.document["verdict"]
    assert verdict["kind"] == "HOLD"
    assert len(verdict["not_run"]) + len(told.document["findings"]) == len(
        told.document["expected"]
    )
    assert verdict["not_run"]


def test_stopping_at_the_first_failure_is_not_go(gate: Gate, soaked: Soaked) -> None:
    """``-x`` leaves checks without an answer; what failed still decides."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute("update token_health set status = 'revoked'")
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), "-x")
    assert told.code == 1, told.output
    assert told.document["verdict"]["kind"] == "NO-GO"
    assert told.document["verdict"]["not_run"]


def test_rollback_is_exit_code_11(gate: Gate, soaked: Soaked) -> None:
    """An open critical incident fires its trigger: ROLLBACK, exit code 11."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute("insert into gonogo.incident (title, kind) values ('<b>x', 'critical')")
    told = gate(soaked.conninfo, *STAGING, as_of(soaked))
    assert told.code == 11, told.output
    assert told.document["verdict"]["kind"] == "ROLLBACK"


def test_strict_turns_a_warning_into_no_go(gate: Gate, soaked: Soaked) -> None:
    """A warning alone is GO; with ``--strict`` the same database is NO-GO."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(
            "update token_health set status = 'unknown' where id in (select id from token_health"
            " order by id limit (select count(*) / 5 from token_health))"
        )
    assert gate(soaked.conninfo, *STAGING, as_of(soaked)).code == 0
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), "--strict")
    assert told.code == 1, told.output
    assert any("token.unknown" in reason for reason in told.reasons)


def test_junit_tells_value_limit_and_counts(
    gate: Gate, soaked: Soaked, tmp_path: Path, metrics: Mapping[str, Metric]
) -> None:
    """``--junit-xml`` holds outcome, limit, value, k and n of each check as properties."""
    report = tmp_path / "mine.xml"
    gate(soaked.conninfo, *STAGING, as_of(soaked), f"--junit-xml={report}")
    cases = ET.parse(report).iter("testcase")
    name = "test_success_criterion[sync.success_rate[staging]]"
    (case,) = [case for case in cases if case.get("name") == name]
    told = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert told["outcome"] == "met"
    assert told["limit"] == metrics["sync.success_rate"].objective[Environment.STAGING].text
    k, n = int(told["k"] or 0), int(told["n"] or 0)
    assert 0 < k <= n
    assert float(told["value"] or 0) == pytest.approx(k / n)


def test_json_copies_the_record(gate: Gate, soaked: Soaked, tmp_path: Path) -> None:
    """``--json FILE`` is the record, byte for byte."""
    copy = tmp_path / "copy.json"
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), f"--json={copy}")
    assert copy.read_bytes() == (told.records[-1] / "record.json").read_bytes()


def test_what_a_record_says_to_reproduce_it_judges_the_same(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """Also where the window ended at the moment of asking, and by another criteria file."""
    mine = checkout / "my criteria.toml"
    mine.write_text((checkout / "checks" / "criteria.toml").read_text())
    first = gate(soaked.conninfo, *STAGING, f"--criteria={mine}").document
    program, checks, *options = shlex.split(first["reproduce"])
    assert (program, checks) == ("pytest", "checks/")
    again = gate(soaked.conninfo, *options).document
    for told in ("window", "expected", "reproduce"):
        assert again[told] == first[told]


def test_the_gate_counts_how_often_it_was_asked(gate: Gate, soaked: Soaked) -> None:
    """Asking often enough finds a lucky window, so each record says how often it was."""
    counts = []
    for _ in range(2):
        told = gate(soaked.conninfo, *STAGING, as_of(soaked))
        counts.append(told.record.gates)
    assert counts == [1, 2]


def test_an_archive_that_cannot_be_written_is_one_line(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """Without a record there is no GO: one line says why, and the exit code is not 0."""
    (checkout / "reports").mkdir()
    (checkout / "reports" / "archive").write_text("a file where a directory must be")
    told = gate(soaked.conninfo, *STAGING, as_of(soaked))
    assert told.code != 0
    assert "Traceback" not in told.output
    assert "INTERNALERROR" not in told.output
    assert "record" in told.output


TEAMS_OWN = {
    "a test of the team's own fails": "def test_mine():\n    assert 1 == 2\n",
    "a fixture of the team's own fails": (
        "import pytest\n\n@pytest.fixture\ndef mine():\n    raise OSError\n\n"
        "def test_mine(mine):\n    pass\n"
    ),
    "what ends each check fails": (
        "import pytest\n\n@pytest.fixture\ndef mine():\n    yield\n    raise OSError\n\n"
        "def test_mine(mine):\n    pass\n"
    ),
}


@pytest.mark.parametrize("source", TEAMS_OWN.values(), ids=TEAMS_OWN)
def test_whatever_fails_beside_the_checks_is_not_go(
    gate: Gate, soaked: Soaked, checkout: Path, source: str
) -> None:
    """A failure that no finding explains is HOLD, and the reasons name it."""
    (checkout / "checks" / "test_own.py").write_text(source)
    told = gate(soaked.conninfo, *STAGING, as_of(soaked))
    assert told.code == 10, told.output
    assert any("test_mine" in reason for reason in told.reasons)


@pytest.mark.parametrize(
    ("found", "put"),
    [
        ("    assert finding", "    assert False\n    assert finding"),
        ('@pytest.mark.asks(role="alert")', '@pytest.mark.skip\n@pytest.mark.asks(role="alert")'),
    ],
    ids=["a check that fails though its finding is met", "checks that are skipped"],
)
def test_a_check_that_was_tampered_with_is_not_go(
    gate: Gate, soaked: Soaked, checkout: Path, found: str, put: str
) -> None:
    """A check answers by asserting its finding; any other end of it is HOLD."""
    check = checkout / "checks" / "test_alerts.py"
    assert found in check.read_text()
    check.write_text(check.read_text().replace(found, put))
    told = gate(soaked.conninfo, *STAGING, as_of(soaked))
    assert told.code == 10, told.output
    assert told.document["verdict"]["kind"] == "HOLD"


def test_a_module_that_cannot_be_collected_is_not_go(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """Even where pytest goes on without it, what it would have asked is open."""
    (checkout / "checks" / "test_own.py").write_text("import nothing_of_that_name\n")
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), "--continue-on-collection-errors")
    assert told.code == 10, told.output


def test_an_interrupt_after_the_last_check_is_not_go(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """All checks have answered and were met, but the run was aborted: its record is not GO."""
    (checkout / "checks" / "test_zzz.py").write_text("def test():\n    raise KeyboardInterrupt\n")
    told = gate(soaked.conninfo, *STAGING, as_of(soaked))
    assert told.code == 2, told.output
    assert told.document["state"] == "aborted"
    assert told.document["verdict"]["kind"] == "HOLD"


def test_a_report_that_cannot_be_written_is_one_line(gate: Gate, soaked: Soaked) -> None:
    """The verdict stands in its record; the failed copy is reported, and it is no GO."""
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), "--html=/proc/evidence.html")
    assert told.code == 10, told.output
    assert "'/proc/evidence.html' cannot be written" in told.output
    assert "Traceback" not in told.output


def test_nothing_is_left_outside_the_record(gate: Gate, soaked: Soaked, checkout: Path) -> None:
    """What was staged for the record is gone when the run is over, also a killed one's."""
    killed = checkout / ".gonogo" / "gate-999999999-left"
    killed.mkdir(parents=True)
    gate(soaked.conninfo, *STAGING, as_of(soaked))
    assert not list((checkout / ".gonogo").glob("gate-*"))


def test_an_interrupted_run_leaves_a_record_that_says_so(soaked: Soaked, checkout: Path) -> None:
    """SIGINT in the middle of the checks: pytest's own code 2, and a record that is not GO."""
    check = checkout / "checks" / "test_alerts.py"
    check.write_text(
        check.read_text()
        .replace("    assert finding", "    signal.raise_signal(signal.SIGINT)\n    assert finding")
        .replace("import pytest", "import signal\n\nimport pytest")
    )
    words = [sys.executable, "-m", "pytest", "checks/", *STAGING, as_of(soaked)]
    environ = os.environ | {"DATABASE_URL": soaked.conninfo, "NODE_ENV": "staging"}
    finished = subprocess.run(
        words, cwd=checkout, env=environ, capture_output=True, text=True, check=False
    )
    assert finished.returncode == pytest.ExitCode.INTERRUPTED, finished.stdout
    (path,) = (checkout / "reports" / "archive").glob("staging/*/record.json")
    document = json.loads(path.read_text())
    assert document["state"] == "aborted"
    assert document["verdict"]["kind"] == "HOLD"
    assert document["verdict"]["not_run"]


def test_a_killed_run_leaves_what_was_expected(soaked: Soaked, checkout: Path) -> None:
    """SIGKILL leaves a record in the archive that names every expected check and no verdict."""
    check = checkout / "checks" / "test_alerts.py"
    check.write_text(
        check.read_text()
        .replace("    assert finding", "    os.kill(os.getpid(), 9)\n    assert finding")
        .replace("import pytest", "import os\n\nimport pytest")
    )
    words = [sys.executable, "-m", "pytest", "checks/", *STAGING, as_of(soaked)]
    environ = os.environ | {"DATABASE_URL": soaked.conninfo, "NODE_ENV": "staging"}
    finished = subprocess.run(words, cwd=checkout, env=environ, capture_output=True, check=False)
    assert finished.returncode == -signal.SIGKILL
    (path,) = (checkout / "reports" / "archive").glob("staging/*_RUNNING/record.json")
    document = json.loads(path.read_text())
    assert document["state"] == "running"
    assert "criterion:sync.success_rate" in document["expected"]
    assert document["verdict"] is None


SMALL = """
[rules]
least_n = 10
band_n = 30
excluded_at = "2.5 %"
many_n = 200
excluded_of_many = "0.1 %"
recent = [5]
[score]
bands = { Poor = 0 }
[metric."tokens.valid"]
title = "Valid tokens"
kind = "census"
survey = "token_states"
part = { status = ["valid"] }
whole = {}
objective = "> 1 %"
weight = 100
"""


def test_a_criteria_file_without_alerts_triggers_or_groups_is_judged(
    gate: Gate, soaked: Soaked, checkout: Path
) -> None:
    """One criterion suffices: a test that has no metric to ask about is left out in silence."""
    small = checkout / "small.toml"
    small.write_text(SMALL, encoding="utf-8")
    began = datetime.now(UTC) - timedelta(hours=49)
    soak = f"--deployed-at={began:%Y-%m-%dT%H:%M:%SZ}"
    told = gate(soaked.conninfo, *STAGING, "--without=ledger", f"--criteria={small}", soak)
    assert "INTERNALERROR" not in told.output
    assert told.code == 0, told.output
    assert told.document["expected"] == ["criterion:tokens.valid"]
