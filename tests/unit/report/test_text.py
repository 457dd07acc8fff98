"""How values read, and the terminal's colours."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem
from rich.errors import StyleSyntaxError
from rich.style import Style

from gonogo.model.measurement import Count
from gonogo.report import text

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("Grüße, 日本, مرحبا", "Grüße, 日本, مرحبا"),
        ("\x00\t\x7f\x85", "\\x00\\t\\x7f\\x85"),
        ("\u200f\u2028\ufeff\udcff\U000e0001", "\\u200f\\u2028\\ufeff\\udcff\\U000e0001"),
        (12, "12"),
    ],
)
def test_nothing_hides(value: object, shown: str) -> None:
    """Letters of every script stay; what cannot be seen is spelt out."""
    assert text.visible(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (12, "12"),
    ],
)
def test_evidence_reads_in_words(value: object, shown: str) -> None:
    """As a person writes a single value."""
    assert text.plain(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (1.24, "1.2 s"),
        (59, "59 s"),
        (960, "16 min"),
        (3661, "1 h 1 min"),
        (172800, "48 h"),
        (1209600, "14 d"),
        (360000, "4 d 4 h"),
    ],
)
def test_lengths_of_time_read_in_two_units(seconds: float, shown: str) -> None:
    """As people say them."""
    assert text.span(seconds) == shown


def test_a_share_is_cut_off_not_rounded_up() -> None:
    """94.99 % must never look as if it met a limit of 95 %."""
    assert text.share(Count(9499, 10000)) == "94.9 %"
    assert text.share(Count(0, 0)) == "-"


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 3, 1, 1, 2, 3, tzinfo=UTC), "1 Mar 2026, 01:02:03 UTC"),
        (datetime(2026, 3, 1, 1, 2, 3, 999000, tzinfo=EAST), "28 Feb 2026, 23:02:03 UTC"),
        (None, "unknown"),
    ],
)
def test_moments_read_in_utc(moment: datetime | None, shown: str) -> None:
    """Whatever zone they were written in; what nobody knows says so."""
    assert text.moment(moment) == shown


INKS = (text.GOOD, text.OPEN, text.BAD, text.QUIET)
# Where a word of a style is written down; pytest's own colours are pytest's.
ROOMS = ("report", "cli", "sandbox")


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("paper", ["#ffffff", "#000000"])
def test_a_colour_can_be_read_on_white_and_on_black(ink: str, paper: str) -> None:
    """As WCAG's level AA asks for; nearly so where a terminal has only 256 colours."""
    assert _contrast(Color.parse(ink), Color.parse(paper)) >= 4.5
    coarse = Color.parse(ink).downgrade(ColorSystem.EIGHT_BIT)
    assert _contrast(coarse, Color.parse(paper)) >= 3.9


def test_the_worst_word_brings_its_own_paper() -> None:
    """White on red, wherever the terminal stands."""
    worst = Style.parse(text.WORST)
    assert worst.color
    assert worst.bgcolor
    assert _contrast(worst.color, worst.bgcolor) >= 4.5


def test_no_other_colour_is_used() -> None:
    """Neither a colour that a terminal makes its own of, nor dimmed text."""
    source = Path(text.__file__).parents[1]
    files = [file for room in ROOMS for file in (source / room).glob("*.py")]
    found = {
        f"{file.name}: {word}"
        for file in files
        for word in _words(ast.parse(file.read_text(encoding="utf-8")))
        if word not in {*INKS, text.WORST} and _is_coloured(word)
    }
    assert found == set()


def _words(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_coloured(word: str) -> bool:
    try:
        style = Style.parse(word)
    except StyleSyntaxError:
        return False
    colours = [one for one in (style.color, style.bgcolor) if one and not one.is_default]
    return bool(colours or style.dim) and len(word) > 1


def _contrast(one: Color, other: Color) -> float:
    """WCAG's ratio of two colours."""
    dark, light = sorted(_luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    parts = (part / 255 for part in colour.get_truecolor())
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
