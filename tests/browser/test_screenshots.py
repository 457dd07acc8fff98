"""The README's pictures: there, small, and what they claim to be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from gonogo.record.archive import RunningRecord
from gonogo.report.html import render
from gonogo.report.index import RecordPages
from lab.screenshots.looking import looked_at
from lab.screenshots.taking import HEIGHT_PX, WIDTH_PX, shoot
from lab.screenshots.world import VERDICTS
from record_examples import EXAMPLES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_BYTES = 100_000


def test_the_readme_shows_a_picture_of_each_verdict() -> None:
    """Each with words for those who cannot see it."""
    shown = dict(re.findall(r"!\[([^\]]+)\]\((docs/images/[\w-]+\.png)\)", README))
    assert sorted(shown.values()) == sorted(f"docs/images/{v.lower()}.png" for v in VERDICTS)
    assert all(verdict in " ".join(shown) for verdict in VERDICTS)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_picture_is_small(verdict: str) -> None:
    """A README that loads at once."""
    path = ROOT / "docs" / "images" / f"{verdict.lower()}.png"
    assert path.stat().st_size < MOST_BYTES
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("PNG", (WIDTH_PX, HEIGHT_PX))


@pytest.mark.browser
def test_a_picture_is_taken_of_what_is_seen_first(browser: Browser, tmp_path: Path) -> None:
    """Of any record's page; as colourful as it must be, and no larger."""
    page = tmp_path / "record.html"
    page.write_text(render(EXAMPLES["GO"](), ROOT / "reports" / "templates"), encoding="utf-8")
    picture = shoot(browser, page, tmp_path / "go.png")
    assert picture.stat().st_size < MOST_BYTES
    with Image.open(picture) as taken:
        assert taken.size == (WIDTH_PX, HEIGHT_PX)


@pytest.mark.slow
@pytest.mark.browser
def test_every_page_is_looked_at_wide_and_narrow_light_dark_and_on_paper(
    browser: Browser, tmp_path: Path
) -> None:
    """The list, a record's page and that of its signatures."""
    archive = tmp_path / "archive"
    pages = RecordPages(ROOT / "reports" / "templates")
    RunningRecord.open(archive, EXAMPLES["GO"]()).finish(EXAMPLES["GO"](), "GO", pages)
    taken = [picture.name for picture in looked_at(browser, archive, tmp_path / "pictures")]
    assert len(taken) == len(set(taken)) == 3 * 5
    assert {"index-1280-light.png", "index-390-dark.png", "index.pdf"} <= set(taken)
    assert sum(name.endswith("_GO_record.pdf") for name in taken) == 1
