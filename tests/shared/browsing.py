"""A page as a reader's browser shows it, and what it did besides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Dialog, Page

Scheme = Literal["light", "dark"]
Medium = Literal["screen", "print"]
# The third is just wide enough for the wide layout.
PHONE, TABLET, BESIDE, LAPTOP = 360, 768, 1026, 1280
HEIGHT = 800
# Paper and ink.
DAY = ["rgb(253, 253, 251)", "rgb(27, 32, 36)"]
NIGHT = ["rgb(21, 24, 27)", "rgb(232, 230, 225)"]
# As root Chromium runs only without its sandbox, which playwright leaves off by itself.
SWITCHES = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
COLOURS = "body => [getComputedStyle(body).backgroundColor, getComputedStyle(body).color]"
ROWS = "rows => rows.map(row => row.innerText)"
WHOLE_HEIGHT = "() => document.documentElement.scrollHeight"
STYLES = "(all, name) => all.map(one => getComputedStyle(one)[name])"
FOLD = "(all, unfold) => all.forEach(details => { details.open = unfold })"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(frozen=True, slots=True)
class Visit:
    """One page in a browser of its own.

    Args:
        page: playwright's handle of it.
        requests: All that was asked for, the page itself first.
        complaints: Console messages, errors and dialogs.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note from now on what the page does."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

        def refuse(dialog: Dialog) -> None:
            self.complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        # playwright marks a listener with an attribute, which a bound method of ours cannot take.
        self.page.on("dialog", refuse)

    def show(
        self,
        *,
        width_px: int = LAPTOP,
        scheme: Scheme = "light",
        media: Medium = "screen",
        unfold: bool = True,
    ) -> None:
        """Look at it in one way; whatever a reader can open with a click is open, or closed."""
        self.page.set_viewport_size({"width": width_px, "height": HEIGHT})
        self.page.emulate_media(color_scheme=scheme, media=media)
        self.page.locator("details").evaluate_all(FOLD, unfold)

    def text(self) -> str:
        """All that can be read, each run of white space as one space."""
        return _flat(self.page.inner_text("body"))

    def rows(self) -> list[str]:
        """What can be read in each row of a table."""
        return [_flat(row) for row in self.page.locator("tr").evaluate_all(ROWS)]

    def overflow_px(self) -> int:
        """By how much the page is wider than its window."""
        return int(self.page.evaluate(OVERFLOW))

    def height_px(self) -> int:
        """How high it is, all of it."""
        return int(self.page.evaluate(WHOLE_HEIGHT))

    def styles(self, selector: str, name: str) -> set[str]:
        """What one property comes out as, over all elements of a kind."""
        return set(self.page.locator(selector).evaluate_all(STYLES, name))

    def colours(self) -> list[str]:
        """The page's paper and ink."""
        return list(self.page.locator("body").evaluate(COLOURS))


@contextmanager
def visiting(browser: Browser, path: Path, *, javascript: bool = False) -> Iterator[Visit]:
    """Open a file as somebody does who was sent it.

    Args:
        browser: The worker's.
        path: The file.
        javascript: Whether scripts may run.
    """
    context = browser.new_context(
        java_script_enabled=javascript,
        viewport={"width": LAPTOP, "height": HEIGHT},
    )
    try:
        visit = Visit(context.new_page())
        visit.listen()
        visit.page.goto(path.as_uri())
        yield visit
    finally:
        context.close()


def _flat(text: str) -> str:
    return " ".join(text.split())
