"""docs/verdict-quality.md is of this rule, and what it claims to reach is reached."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gonogo.judge import finding as judge
from gonogo.model.kinds import VerdictKind
from lab.verdict_quality import exact, playing, studies
from lab.verdict_quality.__main__ import RUNS, main
from lab.verdict_quality.page import cell, images, page
from lab.verdict_quality.playing import CONSTANT, EXACT, SYNC, WEBHOOK, Played
from lab.verdict_quality.reaches import FALSE_GO, FALSE_GO_OF_MANY, reaches
from lab.verdict_quality.sample import sample
from lab.verdict_quality.studies import VOLUMES

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "verdict-quality.md").read_text(encoding="utf-8")
GO = VerdictKind.GO.value
DEMANDS = 28


def test_the_page_is_of_this_rule() -> None:
    """A few looks come out as they did when it was written; else: ./noxw -s verdict_quality."""
    assert sample() in PAGE


def test_the_page_is_of_one_run_of_the_command() -> None:
    """It says how many runs that plays; a cell that is played again so often comes out the same."""
    assert f"Made by `./noxw -s verdict_quality`, {RUNS} runs a cell" in PAGE
    table = PAGE.partition(f"| `{WEBHOOK}` |")[2]
    row = next(line for line in table.splitlines() if line.startswith("| 84 % |"))
    column = VOLUMES.index(20)
    assert row.split(" | ")[1 + column] == cell(studies.at_rate(WEBHOOK, CONSTANT, 0.84, 20, RUNS))


def test_the_page_says_that_everything_is_reached() -> None:
    """No demand of the first table reads otherwise, and none is missing."""
    table = PAGE.partition("## What must hold")[2].partition("##")[0]
    answers = re.findall(r"\| (yes|\*\*no\*\*) \|$", table, re.MULTILINE)
    assert answers == ["yes"] * DEMANDS


def test_every_curve_is_there() -> None:
    """The page shows them, and each is a picture without a script."""
    shown = re.findall(r"\]\((verdict-quality/[a-z]+\.svg)\)", PAGE)
    assert sorted(DOCS / name for name in shown) == sorted((DOCS / "verdict-quality").iterdir())
    for name in shown:
        root = ET.fromstring((DOCS / name).read_text(encoding="utf-8"))
        assert root.tag.endswith("}svg")
        assert not any(part.tag.endswith("script") for part in root.iter())


@pytest.mark.parametrize(("metric", "part"), EXACT)
def test_false_go_at_the_critical_level_is_bounded_exactly(metric: str, part: str) -> None:
    """Of every number of events up to 230: 2.5 % at most, 0.1 % from 200 on."""
    assert exact.worst(metric, part, largest=230).chance <= FALSE_GO
    assert exact.worst(metric, part, least=200, largest=230).chance <= FALSE_GO_OF_MANY


@pytest.mark.parametrize("low", [0, 1, 7, 20])
@pytest.mark.parametrize("edge", [0, 1, 2, 9, 19, 20, 21])
def test_the_smallest_count_that_passes_is_found(low: int, edge: int) -> None:
    """Wherever it lies; one more than there are when none passes."""
    assert exact.smallest(lambda k: k >= edge, low, 20) == max(low, edge)


def test_each_integrations_own_evidence_is_what_bounds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without that rule every second look is GO on contacts of which half fail, nine in 48 h."""
    played = partial(studies.in_one_part, 0.5, 9, 100)
    assert played().counts[GO] == 0
    monkeypatch.setattr(judge, "unproven_part", lambda *_: None)
    assert played().counts[GO] > 50


@pytest.fixture
def shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact search over few volumes, for it does not depend on the runs."""
    monkeypatch.setattr(exact, "worst", partial(exact.worst, largest=220))


@pytest.mark.slow
@pytest.mark.usefixtures("shortened")
def test_a_moderate_sample_reaches_everything() -> None:
    """Every study, played with fewer runs than the page's, comes to the same answers."""
    played = moderate()
    assert [one for one in reaches(played) if not one.met] == []
    assert all(tally.share(GO).k == 0 for (rate, _), tally in played.parts.items() if rate < 0.7)
    told = page(played, "sample")
    assert told.count("| yes |") == DEMANDS
    assert set(images(played)) == {"sync.svg", "webhook.svg"}


def moderate() -> Played:
    """All studies, with few runs."""
    with ThreadPoolExecutor(1) as executor:
        return playing.play(20, executor)


def test_the_command_says_what_is_not_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with 1 and one line each, and writes the page all the same."""
    monkeypatch.setattr("lab.verdict_quality.__main__.play", lambda runs, _executor: runs)
    monkeypatch.setattr("lab.verdict_quality.__main__.page", lambda *_: "a page")
    monkeypatch.setattr("lab.verdict_quality.__main__.images", lambda _: {"sync.svg": "<svg/>"})
    missed = [type("Missed", (), {"met": False, "asked": SYNC, "found": "9 %"})]
    monkeypatch.setattr("lab.verdict_quality.__main__.reaches", lambda _: missed)
    assert main([f"--docs={tmp_path}", "--runs=1"]) == 1
    assert (tmp_path / "verdict-quality.md").read_text() == "a page"
    assert (tmp_path / "verdict-quality" / "sync.svg").is_file()
    assert "not reached: sync.success_rate: 9 %" in capsys.readouterr().err
