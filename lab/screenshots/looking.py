"""Every page of an archive as its readers see it: wide and narrow, by day, at night, on paper."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

WIDTHS_PX = (1280, 390)
HEIGHT_PX = 800
PAGES = ("record.html", "signatures.html", "evidence.html", "incident-report.html")


def look(archive_dir: Path, pictures_dir: Path) -> list[Path]:
    """Take a picture of each page at each width, light and dark, and print it.

    Args:
        archive_dir: The archive.
        pictures_dir: Where the pictures go; one that is there already is replaced.

    Returns:
        The pictures and the sheets.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--disable-gpu"]
        )
        try:
            return list(looked_at(browser, archive_dir, pictures_dir))
        finally:
            browser.close()


def looked_at(browser: Browser, archive_dir: Path, pictures_dir: Path) -> Iterator[Path]:
    """The same, in a browser that is open.

    Args:
        browser: Which.
        archive_dir: The archive.
        pictures_dir: Where the pictures go; made when it is not there.
    """
    pictures_dir.mkdir(parents=True, exist_ok=True)
    for path in pages(archive_dir):
        yield from _taken(browser, path, pictures_dir)


def pages(archive_dir: Path) -> Sequence[Path]:
    """The list of records, and every page that lies beside one."""
    found = sorted(archive_dir.glob("*/*/record.json"))
    beside = (record.with_name(name) for record in found for name in PAGES)
    return [archive_dir / "index.html", *filter(Path.is_file, beside)]


def _taken(browser: Browser, path: Path, pictures_dir: Path) -> Iterator[Path]:
    label = "" if path.name == "index.html" else f"{path.parent.name}_"
    for width_px in WIDTHS_PX:
        page = browser.new_page(viewport={"width": width_px, "height": HEIGHT_PX})
        page.goto(path.as_uri())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            picture = pictures_dir / f"{label}{path.stem}-{width_px}-{scheme}.png"
            page.screenshot(path=picture, full_page=True)
            yield picture
        if width_px == WIDTHS_PX[0]:
            sheets = pictures_dir / f"{label}{path.stem}.pdf"
            page.pdf(path=sheets, prefer_css_page_size=True)
            yield sheets
        page.close()
