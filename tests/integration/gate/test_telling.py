"""What a run tells, and where: the terminal, a pipe, GitHub's step summary."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gate_process import GateOutcome, Soaked
from gonogo.criteria import Metric
from gonogo.model.kinds import EXIT_CODES, VerdictKind
from receiving import receiving

Gate = Callable[..., GateOutcome]
STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")
NEXT_IN_PIPE = {
    "a reader": "import json, sys; json.load(sys.stdin)",
    "one that leaves at once": "import sys; sys.stdin.close()",
}


def as_of(soaked: Soaked) -> str:
    """The option that ends the window where the traffic ends."""
    return f"--as-of={soaked.end.isoformat()}"


@pytest.fixture
def piped(checkout: Path, soaked: Soaked) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the gate in the checkout with standard output and error apart."""

    def run(*options: str, **told: Any) -> subprocess.CompletedProcess[bytes]:
        environ = {name: value for name, value in os.environ.items() if name != "NODE_ENV"}
        words = [sys.executable, "-m", "pytest", "checks/", *STAGING, as_of(soaked), *options]
        told.setdefault("stdout", subprocess.PIPE)
        return subprocess.run(
            words,
            cwd=checkout,
            env=environ | {"DATABASE_URL": soaked.conninfo},
            stderr=subprocess.PIPE,
            check=False,
            timeout=180,
            **told,
        )

    return run


@pytest.mark.parametrize("options", [(), ("-q", "-k", "sync")], ids=" ".join)
def test_json_to_a_pipe_is_the_record_alone(
    piped: Callable[..., Any], checkout: Path, options: tuple[str, ...]
) -> None:
    """``--json -``: standard output is record.json, byte for byte; all else is standard error."""
    told = piped("--json", "-", *options)
    (record,) = (checkout / "reports" / "archive").glob("staging/*/record.json")
    assert told.stdout == record.read_bytes()
    kind = json.loads(told.stdout)["verdict"]["kind"]
    assert EXIT_CODES[VerdictKind(kind)] == told.returncode
    assert str(record.with_suffix(".html")) in told.stderr.decode()


@pytest.mark.parametrize("program", NEXT_IN_PIPE.values(), ids=NEXT_IN_PIPE)
def test_the_next_in_the_pipe_never_breaks_the_verdict(
    piped: Callable[..., Any], program: str
) -> None:
    """Whether the reader stays or leaves, the exit code is the verdict's and nothing complains."""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) as reader:
        assert reader.stdin
        told = piped("--json=-", stdout=reader.stdin)
        reader.stdin.close()
        assert reader.wait(timeout=30) == 0
    assert told.returncode == 0, told.stderr
    assert b"BrokenPipe" not in told.stderr


def test_a_mistake_leaves_a_pipe_empty(piped: Callable[..., Any]) -> None:
    """A usage error is no record: nothing on standard output, exit code 4."""
    told = piped("--json", "-", "--without=weather")
    assert (told.returncode, told.stdout) == (4, b"")
    assert b"there is no such group" in told.stderr


def test_quietly_only_the_verdict_block_is_told(gate: Gate, soaked: Soaked) -> None:
    """``-q`` leaves out pytest's header, its dots and its summary; the block is whole."""
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), "-q")
    assert told.code == 0
    lines = [line for line in told.output.splitlines() if line]
    assert lines[0].startswith(" GO ")
    assert lines[-1] == f"Record: {told.records[-1] / 'record.html'}"
    assert len(lines) <= 24


def test_a_moment_without_a_zone_is_read_as_utc_and_the_terminal_says_so(
    gate: Gate, soaked: Soaked
) -> None:
    """The same moment with its zone is judged without a word of it."""
    bare = soaked.end.replace(tzinfo=None).isoformat()
    told = gate(soaked.conninfo, *STAGING, f"--as-of={bare}", "-q")
    line = f"gonogo: --as-of={bare} names no time zone: it was read as UTC"
    assert (told.code, told.output.splitlines()[-1]) == (0, line)


def test_a_chat_and_a_collector_are_told_of_the_verdict(
    gate: Gate, checkout: Path, soaked: Soaked, tmp_path: Path
) -> None:
    """Whom rollout.toml names, and where `--textfile` says."""
    with (checkout / "rollout.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[notifications]]\nurl_env = "CHAT_URL"\n')
    place = tmp_path / "collector"
    with receiving() as receiver:
        variables = {"CHAT_URL": receiver.address}
        words = (*STAGING, as_of(soaked), f"--textfile={place}", "-q")
        told = gate(soaked.conninfo, *words, **variables)
    assert told.code == 0, told.output
    ((title, text),) = receiver.messages
    assert title == "GO: Staging gate, 48h (simulated)"
    assert text.startswith("the soak is finished; a sign-off is wanted\n")
    assert text.endswith(f"\n{told.records[-1] / 'record.html'}")
    assert "s3cret-chat" not in told.output
    metrics = place / "gonogo_staging.prom"
    assert 'gonogo_verdict{environment="staging",verdict="GO"} 1.0\n' in metrics.read_text()
    # The receiver is gone, and the place is no directory: the verdict stands.
    words = (*STAGING, as_of(soaked), f"--textfile={metrics}", "-q")
    told = gate(soaked.conninfo, "-k", "sync", *words, **variables)
    assert told.code == 10, told.output
    said = told.output.splitlines()[-2:]
    assert said[0].startswith("gonogo: the metrics could not be written: ")
    assert said[1] == "gonogo: nobody was notified by CHAT_URL: the receiver did not accept it"


def test_what_is_not_met_comes_first_with_what_to_do(
    gate: Gate, soaked: Soaked, metrics: Mapping[str, Metric]
) -> None:
    """The block of a NO-GO names the metric, its figures, what they mean and what to do first."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute("drop index idx_token_health_status")
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), "-q")
    assert told.code == 1
    block = " ".join(told.output.split())
    wrong, fine = metrics["schema.039"], metrics["sync.success_rate"]
    found = f"failed {wrong.title}: 93.7 % (15 of 16) misses = 100 %"
    assert found in block
    assert f"{wrong.means} First: {wrong.first}" in block
    assert block.index(found) < block.index(fine.title)
    assert "Schema 10 of 11 all met" in block


def test_a_usage_error_names_no_report_that_is_not_there(gate: Gate, soaked: Soaked) -> None:
    """What pytest's report plugins staged is gone: no line says that it was written."""
    told = gate(soaked.conninfo, *STAGING, "--without=weather")
    assert told.code == 4
    assert "generated" not in told.output.lower()


def test_a_step_of_github_gets_its_summary(
    gate: Gate, soaked: Soaked, tmp_path: Path, metrics: Mapping[str, Metric]
) -> None:
    """With GITHUB_STEP_SUMMARY each run appends its verdict, its checks and its record's place."""
    file = tmp_path / "summary.md"
    file.write_text("# before\n")
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), GITHUB_STEP_SUMMARY=str(file))
    assert told.code == 0
    before, _, summary = file.read_text().partition("## ")
    assert before == "# before\n"
    assert summary.startswith("GO: Staging gate, 48h\n")
    assert f"`{told.records[-1] / 'record.html'}`" in summary
    assert f"| {metrics['sync.success_rate'].title} | " in summary


def test_a_summary_that_cannot_be_written_changes_no_verdict(
    gate: Gate, soaked: Soaked, tmp_path: Path
) -> None:
    """One line says so; the verdict, the record and the exit code are what they are."""
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), GITHUB_STEP_SUMMARY=str(tmp_path))
    assert told.code == 0
    assert told.records[-1].name.endswith("_GO")
    (line,) = [line for line in told.output.splitlines() if line.startswith("gonogo: ")]
    assert line == f"gonogo: the step summary could not be written: {tmp_path}: Is a directory"


ONE_USER = """
insert into sync_metrics (user_id, integration_type, sync_type, result, error_message, created_at)
select (select id from users order by id limit 1), 'google_contacts', 'incremental', 'failure',
    'quota exceeded', %(end)s::timestamp - n * interval '10 seconds'
from generate_series(1, 2600) as n"""


def test_one_users_failures_are_named_wherever_the_rate_stands(
    gate: Gate, soaked: Soaked, tmp_path: Path
) -> None:
    """Terminal, page and step summary: how many of all are one user's; the verdict is by event."""
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(ONE_USER, {"end": soaked.end.replace(tzinfo=None)})
        (user,) = connection.execute("select id from users order by id limit 1").fetchone() or ()
    summary = tmp_path / "summary.md"
    told = gate(soaked.conninfo, *STAGING, as_of(soaked), GITHUB_STEP_SUMMARY=str(summary))
    assert told.code != 0
    worst = told.record.measurements["sync.success_rate"].worst
    assert {one.by for one in worst} == {"user", "message", "integration"}
    own = worst[0].failures
    assert (worst[0].name, own.k >= 2600, 2 * own.k > own.n) == (str(user), True, True)
    said = f"ne user ({user}) accounts for {own.k:,} of {own.n:,} failures; without that user 9"
    assert said in (told.records[-1] / "record.html").read_text("utf-8")
    assert said in summary.read_text("utf-8").replace("\\", "")
    assert said in " ".join(told.output.split())
