"""The estimate of docs/scale.md: what the page shows is what is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import estimate

PAGE = Path(__file__).parents[3] / "docs" / "scale.md"


def test_the_page_shows_what_the_script_prints() -> None:
    """Whoever changes a figure prints it anew: ``python -m lab.estimate``."""
    assert f"<!-- estimate -->\n\n{estimate.table()}\n\n<!-- /estimate -->" in PAGE.read_text(
        "utf-8"
    )


def test_the_measured_volume_is_estimated_as_it_was_measured() -> None:
    """On the two cores and the memory that it was measured with."""
    took = 28.630_663 / estimate.RATE.value / 2
    assert took == pytest.approx(6.56)


@pytest.mark.parametrize("place", estimate.PLACES)
def test_more_rows_take_longer(place: str) -> None:
    """In every setting, of a gate and of its longest query."""
    few, many = map(estimate.PLACES[place], estimate.VOLUMES)
    assert all(more > less > 0 for less, more in zip(few, many, strict=True))
