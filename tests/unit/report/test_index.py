"""The list of an archive."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gonogo.model.finding import Verdict
from gonogo.model.kinds import Environment, VerdictKind
from gonogo.model.measurement import Count
from gonogo.model.record import Record
from gonogo.record.archive import RunningRecord
from gonogo.report.index import RecordPages, write_index
from record_examples import IDENTITY, SUBJECT, provenance

TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_empty_archive_has_a_list_too(tmp_path: Path, templates_dir: Path) -> None:
    """It says that there is nothing yet."""
    assert "There is no record yet" in write_index(tmp_path, templates_dir).read_text()


def test_records_stand_by_environment_the_newest_first(
    tmp_path: Path, pages: RecordPages, go: Record
) -> None:
    """Each with its result, its score and a link that works from where the list lies."""
    for environment, started, label in (
        ("staging", TEN, "GO"),
        ("staging", TEN + 2 * HOUR, "HOLD"),
        ("production", TEN + HOUR, "GO"),
    ):
        record = go.having(
            environment=Environment(environment),
            started_at=started,
            verdict=Verdict(VerdictKind(label), ()),
        )
        RunningRecord.open(tmp_path, record).finish(record, label, pages)
    html = (tmp_path / "index.html").read_text()
    records = re.findall(r'data-label="Record"><span><a href="([^"]+)"', html)
    assert records == [
        "production/20261123T110000Z_GO/record.html",
        "staging/20261123T120000Z_HOLD/record.html",
        "staging/20261123T100000Z_GO/record.html",
    ]
    assert all((tmp_path / link).is_file() for link in records)
    assert 'href="#staging"' in html
    assert 'id="staging"' in html
    assert "97.3" in html


def test_a_list_tells_trend_soak_and_signatures(
    tmp_path: Path, pages: RecordPages, go: Record
) -> None:
    """Of an environment whose gates know their deployment; a sign-off is shown, not proved."""
    for started, k in ((TEN - 20 * HOUR, 3900), (TEN + 4.25 * HOUR, 3400)):
        sync = replace(go.measurements["sync.success_rate"], count=Count(k, 3926))
        measured = {**go.measurements, "sync.success_rate": sync}
        record = go.having(started_at=started, measurements=measured)
        directory = RunningRecord.open(tmp_path, record).finish(record, "GO", pages)
    (directory / "signoff-1.json").write_text('{"decision": "go", "by": "<b>ada</b>"}')
    (directory / "signoff-2.json").write_text("{")
    html = write_index(tmp_path, pages.templates_dir).read_text()
    assert "99.3 %" in html
    assert "86.6 %" in html
    assert "hour 12" in html
    assert "go by &lt;b&gt;ada&lt;/b&gt;" in html
    assert "signoff-2.json cannot be read" in html
    assert html.count('class="spark"') == 5


def test_a_line_is_of_one_database(tmp_path: Path, pages: RecordPages, go: Record) -> None:
    """The newest gate's: what another one in the archive showed is in the list alone."""
    other = provenance(database=replace(IDENTITY, database="another"))
    for started, asked, k in ((TEN - HOUR, other, 1000), (TEN, provenance(), 3900)):
        sync = replace(go.measurements["sync.success_rate"], count=Count(k, 3926))
        measured = {**go.measurements, "sync.success_rate": sync}
        record = go.having(started_at=started, measurements=measured, provenance=asked)
        RunningRecord.open(tmp_path, record).finish(record, "GO", pages)
    html = write_index(tmp_path, pages.templates_dir).read_text()
    assert "99.3 %" in html
    assert "25.4 %" not in html


def test_hostile_titles_stay_text_in_the_list(
    tmp_path: Path, pages: RecordPages, go: Record
) -> None:
    """The list is as careful as the page."""
    record = go.having(title="<script>alert(1)</script>")
    RunningRecord.open(tmp_path, record).finish(record, "GO", pages)
    html = (tmp_path / "index.html").read_text()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_records_stand_by_deployment_with_revision_deployer_and_a_strip_of_verdicts(
    tmp_path: Path, pages: RecordPages, go: Record
) -> None:
    """The newest deployment first; a link to it shows it alone, without a script."""
    for started, number, label in (
        (TEN, "1", "GO"),
        (TEN + HOUR, "2", "HOLD"),
        (TEN + 2 * HOUR, "2", "GO"),
    ):
        subject = SUBJECT.model_copy(update={"deployment": number, "revision": number * 12})
        record = go.having(
            started_at=started,
            provenance=provenance(subject=subject),
            verdict=Verdict(VerdictKind(label), ()),
        )
        RunningRecord.open(tmp_path, record).finish(record, label, pages)
    html = (tmp_path / "index.html").read_text()
    titles = re.findall(r"<h3>(Deployment.*?)</h3>", html)
    assert titles == [
        "Deployment 2: <code>222222222222</code>, by <bdi>ada</bdi>",
        "Deployment 1: <code>111111111111</code>, by <bdi>ada</bdi>",
    ]
    strips = re.findall(r'<span class="strip">(.*?)</span></li>', html)
    words = [re.findall(r"(HOLD|GO)</span>", strip) for strip in strips]
    assert words == [["HOLD", "GO"], ["GO"]]
    assert 'href="#staging-1"' in html
    assert 'id="staging-1"' in html


def test_a_strip_shows_the_newest_of_many(tmp_path: Path, templates_dir: Path) -> None:
    """As many as can be distinguished; the table below has every one."""
    for minute in range(55):
        (tmp_path / "staging" / f"20261123T10{minute:02}00Z_GO").mkdir(parents=True)
    html = write_index(tmp_path, templates_dir).read_text()
    (strip,) = re.findall(r'<span class="strip">(.*?)</span></li>', html)
    assert strip.count('class="badge') == 50
    assert html.count('scope="row">23 Nov 2026, 10:') == 55
