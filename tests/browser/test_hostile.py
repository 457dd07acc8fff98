"""Whatever a database, a user or a command wrote: the reader reads it, and it does nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from browsing import LAPTOP, PHONE, Visit
from gonogo.model.finding import Verdict, VerdictReason
from gonogo.model.kinds import VerdictKind, Why
from gonogo.record.archive import RunningRecord
from gonogo.report.html import render
from gonogo.report.index import RecordPages
from record_examples import gate, planted, planted_steps

pytestmark = pytest.mark.browser

Open = Callable[..., AbstractContextManager[Visit]]

SCRIPTS = {
    "script": "<script>window.ran = 1</script>",
    "handler": '"><img src=x onerror="window.ran = 1">',
    "style": "</style><style>@import url(https://evil.example/x);</style>",
    "frame": "</code></pre><iframe srcdoc='<script>top.ran = 1</script>'></iframe>",
}
# What the text is, and what the reader reads of it.
ATTACKS = {name: (text, text) for name, text in SCRIPTS.items()} | {
    "unseen": (
        "a\x00b\x1b[31m\u202egnp.exe\u2066\ufeff",
        r"a\x00b\x1b[31m\u202egnp.exe\u2066\ufeff",
    ),
}
PAGES = (planted, planted_steps)


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_text_is_read_and_does_nothing(
    name: str, visit: Open, templates_dir: Path, tmp_path: Path
) -> None:
    """Planted everywhere, JavaScript on: text on the page, no script, no request, no scroll."""
    text, shown = ATTACKS[name]
    paths = [tmp_path / f"{page.__name__}.html" for page in PAGES]
    for path, example in zip(paths, PAGES, strict=True):
        path.write_text(render(example(text), templates_dir), encoding="utf-8")
    with visit(paths[0], javascript=True) as page:
        _is_harmless(page, shown)
        page.page.goto(paths[1].as_uri())
        _is_harmless(page, shown)
        assert page.requests == [path.as_uri() for path in paths]
        assert page.complaints == []


def test_a_megabyte_of_an_error_is_cut_and_fits(
    visit: Open, templates_dir: Path, tmp_path: Path
) -> None:
    """Its beginning is read, and how long it was; a word without an end makes no page wider."""
    record, path, long = gate(), tmp_path / "record.html", "x" * 1_000_000
    errors = replace(record.measurements["errors.sync"], breakdown={long: 61})
    reason = VerdictReason(Why.UNEXPLAINED, long)
    planted = record.having(
        measurements={**record.measurements, "errors.sync": errors},
        verdict=Verdict(VerdictKind.GO, (reason,)),
    )
    path.write_text(render(planted, templates_dir), encoding="utf-8")
    with visit(path) as page:
        _is_harmless(page, "x" * 200 + "… (1,000,000 characters)", times=1)
        # The reason is a sentence: " failed, and no finding says why" belongs to it.
        _is_harmless(page, "x" * 200 + "… (1,000,032 characters)", times=1)


def test_hostile_titles_do_nothing_in_the_list_of_records(
    visit: Open, templates_dir: Path, tmp_path: Path
) -> None:
    """The archive's index is as careful as a record's page."""
    for text in SCRIPTS.values():
        record = gate(title=text)
        RunningRecord.open(tmp_path, record).finish(record, "GO", RecordPages(templates_dir))
    index = tmp_path / "index.html"
    with visit(index, javascript=True) as page:
        for shown in SCRIPTS.values():
            _is_harmless(page, shown, times=1)
        assert page.requests == [index.as_uri()]
        assert page.complaints == []


def _is_harmless(page: Visit, shown: str, *, times: int = 5) -> None:
    for width_px in (PHONE, LAPTOP):
        page.show(width_px=width_px)
        assert page.overflow_px() == 0
    assert page.text().count(shown) >= times
    assert page.page.evaluate("window.ran") is None
