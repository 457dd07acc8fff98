"""The list of an archive."""

import re
from pathlib import Path
from typing import Any

from gonogo.record.archive import RunningRecord
from gonogo.report.index import write_index

Json = dict[str, Any]


def test_an_empty_archive_has_a_list_too(tmp_path: Path, templates_dir: Path) -> None:
    """It says that there is nothing yet."""
    assert "There is no record yet" in write_index(tmp_path, templates_dir).read_text()


def test_records_stand_by_environment_the_newest_first(
    tmp_path: Path, templates_dir: Path, go: Json
) -> None:
    """Each with its result, its score and a link that works from where the list lies."""
    for environment, started, label in (
        ("staging", "2026-11-23T10:00:00Z", "GO"),
        ("staging", "2026-11-23T12:00:00Z", "HOLD"),
        ("production", "2026-11-23T11:00:00Z", "GO"),
    ):
        document = go | {"started_at": started, "verdict": go["verdict"] | {"kind": label}}
        RunningRecord.open(tmp_path, environment, document).finish(document, label, templates_dir)
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
    tmp_path: Path, templates_dir: Path, go: Json
) -> None:
    """Of an environment whose gates know their deployment; a sign-off is told, not proved."""
    for started, k in (("2026-11-22T14:00:00Z", 3900), ("2026-11-23T14:15:00Z", 3400)):
        document = go | {"started_at": started, "kind": "gate"}
        document["findings"][0] |= {"count": {"k": k, "n": 3926}}
        running = RunningRecord.open(tmp_path, "staging", document)
        directory = running.finish(document, "GO", templates_dir)
    (directory / "signoff-1.json").write_text('{"decision": "go", "by": "<b>ada</b>"}')
    (directory / "signoff-2.json").write_text("{")
    html = write_index(tmp_path, templates_dir).read_text()
    assert "99.3 %" in html
    assert "86.6 %" in html
    assert "hour 12" in html
    assert "go by &lt;b&gt;ada&lt;/b&gt;" in html
    assert "signoff-2.json cannot be read" in html
    assert html.count('class="spark"') == 5


def test_hostile_titles_stay_text_in_the_list(
    tmp_path: Path, templates_dir: Path, go: Json
) -> None:
    """The list is as careful as the page."""
    document = go | {"title": "<script>alert(1)</script>"}
    RunningRecord.open(tmp_path, "staging", document).finish(document, "GO", templates_dir)
    html = (tmp_path / "index.html").read_text()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_line_of_time_shows_the_newest_of_many(tmp_path: Path, templates_dir: Path) -> None:
    """As many as can be told apart; the list below has every one."""
    for minute in range(55):
        (tmp_path / "staging" / f"20261123T10{minute:02}00Z_GO").mkdir(parents=True)
    html = write_index(tmp_path, templates_dir).read_text()
    assert html.count('overflow="visible"') == 50
    assert html.count('scope="row">23 Nov 2026, 10:') == 55
    assert "From 23 Nov 2026, 10:05:00 UTC to 23 Nov 2026, 10:54:00 UTC" in html
    assert "which has older ones too" in html
