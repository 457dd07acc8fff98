"""A page in a browser → a small PNG of what an approver sees first."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

WIDTH_PX, HEIGHT_PX = 1200, 760
# A page of one ink, one paper and a few tones needs no more.
COLOURS = 160


def take(pages: Mapping[str, Path], images_dir: Path) -> list[Path]:
    """Take a picture of each page.

    Args:
        pages: By verdict.
        images_dir: Where ``<verdict>.png`` go, in small letters.

    Returns:
        The pictures.
    """
    images_dir.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--disable-gpu"]
        )
        try:
            return [
                shoot(browser, path, images_dir / f"{verdict.lower()}.png")
                for verdict, path in pages.items()
            ]
        finally:
            browser.close()


def shoot(browser: Browser, path: Path, picture: Path) -> Path:
    """Take a picture of what is seen first of a page.

    Args:
        browser: An open one.
        path: The page.
        picture: Where the picture goes.

    Returns:
        The picture.
    """
    page = browser.new_page(viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
    page.goto(path.as_uri())
    picture.write_bytes(small(page.screenshot()))
    page.close()
    return picture


def small(png: bytes) -> bytes:
    """The same picture with a palette of its own, packed as tightly as PNG allows."""
    with Image.open(io.BytesIO(png)) as picture:
        palette = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    palette.save(packed, "PNG", optimize=True)
    return packed.getvalue()
