"""The page of who signed what, as an approver opens it: on a phone, at night, offline."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from browsing import DAY, LAPTOP, NIGHT, PHONE, Visit
from signers import ADA, BOB, HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.ssh]
Open = Callable[..., AbstractContextManager[Visit]]


def test_who_decided_what_stands_there_the_last_word_first(visit: Open, signed: Path) -> None:
    """Each sign-off with name, items and reason; hostile text is text."""
    with visit(signed) as page:
        text = page.page.locator("body").inner_text()
        assert f"The last decision: no-go, by {BOB}" in text
        assert f"go for production, by {ADA}" in text
        assert "No complaint of a user is open" in text
        assert HOSTILE in text
        assert page.complaints == []


def test_it_fits_every_screen_and_asks_for_nothing(visit: Open, signed: Path) -> None:
    """No horizontal scroll, by day or night, and no request but itself."""
    with visit(signed) as page:
        page.show(width_px=PHONE, scheme="dark")
        assert (page.overflow_px(), page.colours()) == (0, NIGHT)
        page.show(width_px=LAPTOP, scheme="light")
        assert (page.overflow_px(), page.colours()) == (0, DAY)
        assert page.requests == [signed.as_uri()]
