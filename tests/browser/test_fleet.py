"""A fleet's record as its readers see it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from browsing import LAPTOP, PHONE, Visit
from gonogo.report.html import render
from record_examples import fleet
from tests.browser.test_accessibility import _violations

pytestmark = [pytest.mark.browser, pytest.mark.axe]

Open = Callable[..., AbstractContextManager[Visit]]


def test_fifty_databases_fit_a_laptop_and_a_phone(
    visit: Open, axe: str, templates_dir: Path, tmp_path: Path
) -> None:
    """Without scrolling sideways and without a violation, with all that can be unfolded."""
    path = tmp_path / "record.html"
    path.write_text(render(fleet(50), templates_dir), encoding="utf-8")
    with visit(path, javascript=True) as page:
        for width_px in (LAPTOP, PHONE):
            page.show(width_px=width_px)
            assert page.overflow_px() == 0
        assert _violations(page, axe) == []
