"""A record's page as its readers see it: on a laptop, on a phone, at night, on paper."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from browsing import BESIDE, DAY, HEIGHT, LAPTOP, NIGHT, PHONE, TABLET, Visit
from gonogo.model.finding import Verdict, VerdictReason
from gonogo.model.kinds import VerdictKind, Why
from gonogo.model.record import Record
from gonogo.model.step import Migrated
from gonogo.record.canonical import read_record
from gonogo.report import text
from gonogo.report.answers import answers, headings, top_errors, warnings
from gonogo.report.html import render
from gonogo.report.page import facts
from gonogo.report.text import clock, cut, lines, moment
from record_examples import EXAMPLES, change, deployment, gate

pytestmark = pytest.mark.browser

Open = Callable[..., AbstractContextManager[Visit]]

WORDS = {"succeeded": "Done", "failed": "Failed", "skipped": "Skipped"}
MARKS = {"present": "Looked at", "missing": "Missing", "due": "Due now", "ahead": "Ahead"}
# What A4 has within the style sheet's margins, at 96 to the inch.
PAPER_PX = (round((210 - 2 * 13) / 25.4 * 96), round((297 - 14 - 16) / 25.4 * 96))
PAGE_OF_A_PDF = re.compile(rb"/Type\s*/Page\b")


@pytest.fixture
def document(record: Path) -> Record:
    """What record.json holds."""
    return read_record(record)


def test_every_row_of_the_record_is_on_the_page(page: Visit, document: Record) -> None:
    """Parts, hours of the rates that decide, errors and steps stand as rows."""
    page.show()
    rows = page.rows()
    assert [parts for parts in _rows(document) if not _stands_in(rows, parts)] == []


def test_everything_else_of_the_record_is_on_the_page(
    page: Visit, record: Path, document: Record
) -> None:
    """Verdict, window, score, metrics, what is not met and why, facts, command, the JSON's hash."""
    page.show()
    shown = page.text()
    assert [part for part in map(_flat, _texts(document)) if part not in shown] == []
    assert sha256((record / "record.json").read_bytes()).hexdigest() in shown


def test_the_page_is_quiet_and_asks_for_nothing(page: Visit, record: Path) -> None:
    """No request but the page itself, no console message, no error."""
    page.show()
    assert page.requests == [(record / "record.html").as_uri()]
    assert page.complaints == []


@pytest.mark.parametrize("width_px", [PHONE, TABLET, BESIDE, LAPTOP])
def test_the_page_fits_every_window(page: Visit, width_px: int) -> None:
    """No horizontal scroll, with all that can be unfolded."""
    page.show(width_px=width_px)
    assert page.overflow_px() == 0


def test_the_page_follows_the_readers_scheme(page: Visit) -> None:
    """Dark paper at night, light paper by day, and dark ink on paper that is printed at night."""
    page.show(scheme="dark")
    assert page.colours() == NIGHT
    page.show(scheme="light")
    assert page.colours() == DAY
    page.show(scheme="dark", media="print")
    assert page.colours()[1] == DAY[1]


def test_the_page_prints_whole(page: Visit) -> None:
    """As many sheets of A4 as its height takes or more, and none for a page that fits on one."""
    width_px, height_px = PAPER_PX
    page.show(width_px=width_px, media="print", unfold=False)
    least = math.ceil(page.height_px() / height_px)
    printed = page.page.pdf(prefer_css_page_size=True)
    sheets = len(PAGE_OF_A_PDF.findall(printed))
    assert least <= sheets <= 2 * least


def test_reasons_beyond_the_first_are_on_paper_too(
    visit: Open, tmp_path: Path, templates_dir: Path
) -> None:
    """Folded on a screen; what decides is never left off a sheet."""
    told = (VerdictReason(Why.UNEXPLAINED, f"number {number}") for number in range(1, 10))
    record = gate(verdict=Verdict(VerdictKind.NO_GO, tuple(told)))
    path = tmp_path / "record.html"
    path.write_text(render(record, templates_dir), encoding="utf-8")
    with visit(path) as opened:
        last = opened.page.get_by_text("number 9 failed, and no finding says why", exact=True)
        opened.show(unfold=False)
        assert not last.is_visible()
        opened.show(media="print", unfold=False)
        assert last.is_visible()


@pytest.mark.parametrize("example", ["GO", "HOLD", "NO-GO", "ROLLBACK"])
def test_a_decision_fits_the_first_screen(
    visit: Open, example: str, tmp_path: Path, templates_dir: Path
) -> None:
    """With nine migrations and a dozen commits: what is judged, what has changed, who signs."""
    names = [f"{number:03}_create_calendar_webhook_subscriptions.sql" for number in range(9)]
    locks = ("ACCESS EXCLUSIVE on users", "SHARE UPDATE EXCLUSIVE on users")
    migrations = tuple(Migrated(name, locks) for name in names)
    record = EXAMPLES[example]().having(
        change=change(migrations=migrations),
        name="20261123T141500Z_X",
        sign="gonogo sign_off 20261123T141500Z_X --decision go --by NAME",
    )
    path = tmp_path / "record.html"
    path.write_text(render(record, templates_dir), encoding="utf-8")
    with visit(path) as opened:
        opened.show(unfold=False)
        box = opened.page.locator(".first").bounding_box()
        assert box
        assert box["y"] + box["height"] <= HEIGHT


def test_the_page_of_a_go_is_short_on_a_phone(page: Visit, document: Record) -> None:
    """Twelve screens at the most, with what is folded left folded."""
    page.show(width_px=PHONE, unfold=False)
    if document.verdict and document.verdict.kind is VerdictKind.GO:
        assert page.height_px() <= 12 * HEIGHT


def test_what_is_folded_is_open_on_paper(page: Visit, document: Record) -> None:
    """Tables and the checklist; not what is only of use on a screen."""
    page.show(media="print", unfold=False)
    if document.timeline:
        assert page.page.locator(".timeline tbody tr").first.is_visible()
    assert (
        not page.page.locator("details.screen").all()
        or not page.page.locator("details.screen").first.is_visible()
    )


def test_what_is_printed_is_not_cut(page: Visit) -> None:
    """No row, chart or fact breaks over two sheets; a table's head is on each of them."""
    page.show(media="print")
    assert page.styles("tr:not(.reason), .plot, .facts > div, header.top", "breakInside") == {
        "avoid"
    }
    assert page.styles("thead:not(.visually-hidden)", "display") == {"table-header-group"}


def test_evidence_has_room_on_paper(visit: Open, tmp_path: Path, templates_dir: Path) -> None:
    """No column of a table of seven is a stack of letters; the step's own columns stay beside."""
    instance = dict.fromkeys(
        ("address", "owners", "proved", "reason", "revision", "state", "why"), "answers as it must"
    )
    record = deployment()
    wide = replace(record.steps[0], evidence={"instances": [instance], "away": 1.5})
    path = tmp_path / "record.html"
    path.write_text(render(record.having(steps=(wide,)), templates_dir), encoding="utf-8")
    with visit(path) as opened:
        opened.show(width_px=PAPER_PX[0], media="print")
        cells = opened.page.locator(".evidence .evidence td").all()
        assert len(cells) == len(instance)
        assert min((cell.bounding_box() or {"width": 0})["width"] for cell in cells) >= 40
        assert opened.overflow_px() == 0


def _rows(record: Record) -> Iterator[list[str]]:
    """The parts that must stand together in one row each."""
    yield from _measured(record)
    yield from _happened(record)
    for error in top_errors(record):
        yield [error.source, cut(error.message), f"{error.count:,}"]
    for step in record.steps:
        yield [step.title, step.name, clock(step.started_at), WORDS[step.outcome]]
        yield [step.title, step.proved, *lines(step.error or "").splitlines()]
        for name, value in step.evidence.items():
            if isinstance(value, (str, int)):
                yield [name, text.plain(value)]


def _measured(record: Record) -> Iterator[list[str]]:
    for heading in headings(record):
        for figure in heading.figures:
            yield from ([part.name, part.count, part.share] for part in figure.parts)
    deciding = {one.metric for one in answers(record) if one.interval and one.role == "criterion"}
    for name in deciding:
        measurement = record.measurements[name]
        parts = measurement.hourly_parts.items()
        for index, hour in enumerate(measurement.hourly):
            told = [f"{cut(part)} {counts[index]:,}" for part, counts in parts]
            yield [moment(hour.start), text.of(hour.count), *told]


def _happened(record: Record) -> Iterator[list[str]]:
    for mark in record.soak.marks if record.soak else ():
        yield [mark.name, moment(mark.due_at), MARKS[mark.state]]
        if mark.at:
            yield [mark.name, mark.record or "this record", moment(mark.at)]
    for one in record.records:
        yield [moment(one.at), one.verdict, one.record, one.sha256, one.band]
        yield from ([one.record, rate.title, text.of(rate.count)] for rate in one.rates)
    for event in record.timeline:
        yield [moment(event.at), cut(event.title), cut(event.note)]


def _texts(record: Record) -> Iterator[str]:
    """What must be on the page somewhere."""
    yield from (record.title, record.environment, moment(record.started_at))
    yield from (part for fact in facts(record) for part in fact)
    yield record.reproduce
    for heading in headings(record):
        for figure in heading.figures:
            yield from (figure.title, *figure.notes)
    for one in answers(record):
        yield from (one.title, one.metric)
        if one.outcome != "met":
            yield one.reason
    if record.verdict:
        yield record.verdict.kind
        # Those of findings stand in their cards.
        yield from warnings(record, of_findings=False)
        yield from record.verdict.not_run
    if record.soak:
        yield from map(moment, record.soak.silent)
    if window := record.window:
        yield from map(moment, (window.start, window.end, window.deployed_at))
    if score := record.score:
        yield f"{score.points:g} of 100"
        yield from (score.band, *(part.name for part in score.parts))
    if change := record.change:
        yield from (one.subject for one in change.commits)
        yield from (one.name for one in change.migrations)


def _stands_in(rows: list[str], parts: list[str]) -> bool:
    wanted = [_flat(part) for part in parts]
    return any(all(part in row for part in wanted) for row in rows)


def _flat(text: str) -> str:
    return " ".join(text.split())
