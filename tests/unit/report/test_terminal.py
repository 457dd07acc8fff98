"""The verdict block: order, width, length, and what a stream without Unicode gets."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.finding import VerdictReason
from gonogo.model.kinds import Why
from gonogo.model.measurement import Count, Measurement
from gonogo.report.terminal import print_verdict

Make = Callable[..., Any]
STYLE = re.compile(r"\x1b\[[0-9;]*m")
DIRECTORY = Path("/archive/staging/20261123T141500Z_GO")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def told(document: Any, stream: io.StringIO | None = None) -> str:
    """What is printed."""
    stream = stream or io.StringIO()
    print_verdict(document, DIRECTORY, stream)
    return stream.getvalue()


@pytest.fixture
def bad(record: Make, found: Make) -> Any:
    """A record with more misses than a screen has lines."""
    misses = [found(f"a.miss_{n}", "failed", reason=f"97 of 100 misses {n}") for n in range(40)]
    return record("NO-GO", [found("a.fine"), *misses], not_run=[f"x:{n}" for n in range(40)])


def test_what_is_not_met_comes_before_the_criteria(record: Make, found: Make) -> None:
    """Verdict, misses with what to do, criteria, record: in this order."""
    document = record("NO-GO", [found("a.fine"), found("a.bad", "failed")])
    text = told(document)
    order = ["NO-GO", "Health score", "The a.bad", "a.bad means", "First:", "Check", "The a.fine"]
    places = [text.index(piece) for piece in order]
    assert places == sorted(places)
    assert text.endswith(f"Record: {DIRECTORY / 'record.html'}\n")


def test_go_is_a_handful_of_lines(record: Make, found: Make) -> None:
    """A healthy gate with fifty checks fits half a screen."""
    groups = ("schema", "db", "jobs", "endpoint")
    findings = [found(f"{group}.{n}") for group in groups for n in range(10)]
    assert len(told(record("GO", findings, [VerdictReason(Why.ALL_MET)])).splitlines()) <= 12


def test_the_worst_case_is_about_a_screenful(bad: Any) -> None:
    """However much is wrong, the rest is in the record, and it says how much that is."""
    lines = told(bad).splitlines()
    assert len(lines) <= 50
    assert any("and 32 more, in the record" in line for line in lines)
    assert any("and 21 more, in the record" in line for line in lines)
    assert "and 36 more, in the record" in " ".join(lines)


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(
    bad: Any, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing runs over the edge but the record's path, which must be copied in one piece."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    lines = STYLE.sub("", told(bad, Terminal())).splitlines()
    assert max(map(len, lines)) > columns - 20
    assert all(len(line) <= columns for line in lines if not line.startswith("Record:"))


def test_a_figure_stays_in_one_piece_at_80_columns(
    record: Make, found: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Titles wrap, figures do not."""
    monkeypatch.setenv("COLUMNS", "80")
    title = "API usage reduction (skipped syncs) and more of it"
    value = "76.3 % (7642000 of 10010100)"
    measured = Measurement("a.b", Count(7642000, 10010100))
    monkeypatch.setenv("TERM", "xterm")
    document = record("GO", [found("a.b", title=title, measured=measured)])
    assert value in told(document, Terminal())


def test_the_outcome_stays_in_one_piece_at_40_columns(
    record: Make, found: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limits, which the reasons name, give way to it."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    printed = told(record("HOLD", [found("a.b", "inconclusive")]), Terminal())
    text = STYLE.sub("", printed)
    assert "inconclusive\n" in text
    assert "Limit" not in text


def test_colour_is_for_terminals(record: Make, found: Make) -> None:
    """A log of CI holds no escape sequence."""
    assert "\x1b" not in told(record("ROLLBACK", [found("a.b", "fired")]))


def test_text_is_no_markup(record: Make, found: Make) -> None:
    """Brackets of the database stay brackets."""
    document = record("NO-GO", [found("a.b", "failed", reason="[red]x[/red] :smile: [")])
    assert "[red]x[/red] :smile: [" in told(document)


def test_a_stream_without_unicode_gets_what_it_can_show(record: Make, found: Make) -> None:
    """An ASCII log gets escapes instead of an error."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_verdict(record("NO-GO", [found("a.b", "failed", reason="é ☃")]), DIRECTORY, stream)
    stream.flush()
    written = stream.buffer
    assert isinstance(written, io.BytesIO)
    assert b"\\xe9 \\u2603" in written.getvalue()


def test_nothing_measured_is_told(record: Make) -> None:
    """Without a window and a score there is still a verdict and where the record lies."""
    reasons = [VerdictReason(Why.NOTHING_MEASURED)]
    text = told(record("HOLD", [], reasons, window=None, score=None))
    assert "nothing could be measured" in text
    assert "Health score: nothing was measured" in text
