"""What a monitor prints beside the verdict: every figure, by heading."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.color import Color

from gonogo.model.kinds import Band
from gonogo.model.record import Record
from gonogo.report.answers import headings, top_errors
from gonogo.report.terminal import print_figures
from gonogo.report.text import BAD, GOOD, OPEN, cut
from record_examples import gate, hold, no_go

STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def told(document: Record, stream: io.StringIO | None = None) -> str:
    """What is printed, without its line ends."""
    stream = stream or io.StringIO()
    print_figures(document, stream)
    return stream.getvalue()


@pytest.mark.parametrize("document", [gate(), hold(), no_go()], ids=["GO", "HOLD", "NO-GO"])
def test_every_figure_of_the_record_is_told(document: Record) -> None:
    """Each with its value and its counts, each of its parts, under its heading; each error."""
    lines = [" ".join(line.split()) for line in told(document).splitlines()]
    assert headings(document)
    for heading in headings(document):
        assert heading.title in lines
        for figure in heading.figures:
            assert " ".join(f"{figure.title} {figure.value} {figure.of}".split()) in lines
            for part in figure.parts:
                assert " ".join(f"{part.name} {part.share} {part.count}".split()) in lines
            assert all(note in lines for note in figure.notes)
    for error in top_errors(document):
        assert f"{error.count:,} {error.source}: {cut(error.message)}" in lines


def test_the_soak_is_told_moment_by_moment(go: Record) -> None:
    """With the record that is there, and the hours without traffic."""
    text = told(go)
    assert "45 of 48 hours of the window had traffic" in text
    assert text.count("none in the hour from") == 3
    assert re.search(r"hour 4 +looked at +20261121T182100Z_HOLD", text)
    assert re.search(r"hour 8 +missing", text)
    assert re.search(r"day 2 +looked at +this record", text)


@pytest.mark.parametrize(
    ("band", "colour"),
    [("Excellent", GOOD), ("Good", OPEN), ("Fair", OPEN), ("Poor", BAD)],
)
def test_the_score_has_its_bands_colour(
    band: Band, colour: str, go: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Green, amber or red, where a terminal is; none in a file."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert go.score
    banded = go.having(score=replace(go.score, band=band))
    shown = ";".join(Color.parse(colour).get_ansi_codes())
    assert f"\x1b[{shown}m97.3 of 100, {band}" in told(banded, Terminal())
    assert "\x1b" not in told(banded)


def test_what_takes_points_is_named(go: Record) -> None:
    """By how much; what is full is not."""
    text = told(go)
    assert "Webhook success rate: 19.3 of 20 points" in text
    assert "Background jobs:" not in text


def test_nothing_measured_is_told(go: Record) -> None:
    """Without a window, a score and figures."""
    nothing = go.having(findings=(), measurements={}, soak=None, score=None, window=None)
    text = told(nothing)
    assert "Overall health score: nothing was measured" in text
    assert "none" in text


def test_hostile_names_do_nothing_to_a_terminal(go: Record) -> None:
    """Control characters stand as escapes, brackets are no markup."""
    executed = replace(go.measurements["sync.executed"], breakdown={"[red]\x1b[2J": 5})
    errors = replace(go.measurements["errors.sync"], breakdown={"\x1b]0;x\x07": 1})
    planted = {**go.measurements, "sync.executed": executed, "errors.sync": errors}
    text = told(go.having(measurements=planted))
    assert "[red]\\x1b[2J" in text
    assert "\x1b" not in text
    assert "\x07" not in text
