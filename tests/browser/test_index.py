"""The archive's list of records, as somebody browses it from a shared folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from browsing import DAY, LAPTOP, NIGHT, PHONE, Visit

pytestmark = pytest.mark.browser

Open = Callable[..., AbstractContextManager[Visit]]

HREFS = "all => all.map(one => one.href)"


def test_the_list_leads_to_every_record(visit: Open, archive: Path) -> None:
    """By a link each, the run that died too; behind it, that record's page."""
    titles = {
        path.with_name("record.html").as_uri(): json.loads(path.read_bytes())["title"]
        for path in archive.glob("*/*/record.json")
    }
    with visit(archive / "index.html") as page:
        links = page.page.locator("td[data-label=Record] a").evaluate_all(HREFS)
        assert sorted(links) == sorted(titles)
        for link in links:
            page.page.goto(link)
            assert titles[link] in page.page.locator("h1").inner_text()


def test_the_list_fits_every_screen_and_asks_for_nothing(visit: Open, archive: Path) -> None:
    """No horizontal scroll, by day or night, and no request but itself."""
    index = archive / "index.html"
    with visit(index) as page:
        page.show(width_px=PHONE, scheme="dark")
        assert (page.overflow_px(), page.colours()) == (0, NIGHT)
        page.show(width_px=LAPTOP, scheme="light")
        assert (page.overflow_px(), page.colours()) == (0, DAY)
        assert page.requests == [index.as_uri()]
        assert page.complaints == []


def test_a_link_to_a_deployment_shows_it_alone_and_one_shows_all_again(
    visit: Open, archive: Path
) -> None:
    """Without a script: where the address names it, the others are not shown."""
    with visit(archive / "index.html") as page:
        shown = page.page.locator(".deployment:visible")
        every = shown.count()
        assert every > 1
        page.page.locator(".strips a").first.click()
        assert shown.count() == 1
        page.page.get_by_text("Show every environment and deployment").click()
        assert shown.count() == every
