"""The figures for Prometheus: read by its own parsers, and the examples that go by them."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as as_openmetrics
from prometheus_client.parser import text_string_to_metric_families as as_prometheus

from gonogo.model.kinds import Environment, State
from gonogo.model.limit import parse_limit
from gonogo.model.record import Record
from gonogo.report.openmetrics import HELP, openmetrics, write_metrics
from record_examples import gate, hold, no_go, planted, rollback_verdict

EXAMPLES = Path(__file__).parents[3] / "examples" / "prometheus"
NAME = re.compile(r"\bgonogo_\w+")
SYNC = "sync.success_rate"


def limited() -> Record:
    """A NO-GO whose metrics know their limits: an objective, a level, a band."""
    record = no_go()
    levels = {
        "critical": parse_limit("< 80 %"),
        "objective": {Environment.STAGING: parse_limit("70 % .. 85 %")},
    }
    sync = record.metrics[SYNC].model_copy(update=levels)
    return record.having(metrics={**record.metrics, SYNC: sync})


RECORDS = [limited(), gate(), hold(), rollback_verdict(), planted('a"b\\c\n# EOF\n')]


def samples(record: Record) -> Iterator[tuple[str, dict[str, str], float]]:
    """All that the file says, as OpenMetrics' own parser reads it."""
    for family in as_openmetrics(openmetrics(record)):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def value(record: Record, name: str, **labels: str) -> float:
    """One sample's value."""
    (found,) = [
        value
        for other, has, value in samples(record)
        if other == name and labels.items() <= has.items()
    ]
    return found


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.verdict.kind.value)
def test_both_parsers_of_prometheus_read_the_same(record: Record) -> None:
    """The newer format, and the older one that node_exporter's collector reads."""
    text = openmetrics(record)
    older = [
        (one.name, one.labels, one.value)
        for family in as_prometheus(text)
        for one in family.samples
    ]
    assert older == list(samples(record))
    assert {family.type for family in as_openmetrics(text)} == {"gauge"}
    assert text.endswith("\n# EOF\n")


def test_a_record_is_told_with_its_figures_and_limits() -> None:
    """Verdict, score, coverage, each rate with k, n and every level."""
    record = limited()
    assert value(record, "gonogo_verdict", verdict="NO-GO", environment="staging") == 1
    assert value(record, "gonogo_verdict", verdict="GO") == 0
    assert value(record, "gonogo_health_score_points") == 58.4
    assert value(record, "gonogo_coverage_ratio") == 1
    count = record.measurements[SYNC].count
    assert count
    rate = value(record, "gonogo_rate_ratio", metric=SYNC)
    k, n = (value(record, f"gonogo_rate_{one}", metric=SYNC) for one in "kn")
    assert (k, n, rate) == (count.k, count.n, count.k / count.n)
    critical = {"metric": SYNC, "level": "critical", "operator": "<"}
    assert value(record, "gonogo_limit_ratio", **critical) == 0.8
    band = {"metric": SYNC, "level": "objective"}
    assert value(record, "gonogo_limit_ratio", operator=">=", **band) == 0.7
    assert value(record, "gonogo_limit_ratio", operator="<=", **band) == 0.85
    failed = {"metric": SYNC, "role": "criterion", "outcome": "failed"}
    assert value(record, "gonogo_check", **failed) == 1


def test_the_file_is_replaced_in_one_piece_and_may_be_read(tmp_path: Path) -> None:
    """One file an environment, and nothing beside it; an aborted run leaves the last one."""
    place = tmp_path / "made" / "here"
    whole = no_go().having(state=State.COMPLETE)
    assert write_metrics(whole, place) is None
    (file,) = place.iterdir()
    first = file.stat()
    assert (file.name, stat.S_IMODE(first.st_mode)) == ("gonogo_staging.prom", 0o644)
    assert write_metrics(whole.having(state=State.ABORTED), place) is None
    assert file.stat().st_ino == first.st_ino
    assert write_metrics(gate(state=State.COMPLETE), place) is None
    assert list(place.iterdir()) == [file]
    assert file.stat().st_ino != first.st_ino
    assert 'gonogo_verdict{environment="staging",verdict="GO"} 1.0\n' in file.read_text()


def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    """No verdict depends on it."""
    (tmp_path / "taken").touch()
    told = write_metrics(gate(state=State.COMPLETE), tmp_path / "taken")
    assert told is not None
    assert told.startswith("the metrics could not be written: ")


@pytest.mark.parametrize("name", ["alerts.yml", "alerts.test.yml", "grafana.json"])
def test_an_example_names_only_metrics_that_there_are(name: str) -> None:
    """And each metric that it names is written of some record."""
    named = set(NAME.findall((EXAMPLES / name).read_text(encoding="utf-8")))
    written = {found for record in RECORDS for found, _, _ in samples(record)}
    assert named
    assert named <= written
    assert written == set(HELP)


def test_the_dashboard_has_what_grafana_asks_for() -> None:
    """Panels of their own number and place, each with an expression that promtool can read."""
    board = json.loads((EXAMPLES / "grafana.json").read_text(encoding="utf-8"))
    assert {"title", "uid", "schemaVersion", "panels", "templating"} <= set(board)
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers) > 5
    variables = {one["name"] for one in board["templating"]["list"]}
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables


@pytest.mark.promtool
@pytest.mark.parametrize("words", ["check rules alerts.yml", "test rules alerts.test.yml"])
def test_promtool_accepts_the_alerts(words: str) -> None:
    """Prometheus' own tool reads them, and says when they fire."""
    told = subprocess.run(
        ["promtool", *words.split()], cwd=EXAMPLES, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.promtool
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.verdict.kind.value)
def test_promtool_accepts_the_metrics(record: Record) -> None:
    """Nor does it find anything to better in their names."""
    told = subprocess.run(
        ["promtool", "check", "metrics"],
        input=openmetrics(record),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, "")
