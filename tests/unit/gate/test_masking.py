"""What a database says is masked before anything is judged by it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.gate.observe import CUT_AT_BYTES, masked
from gonogo.gate.setting import Observation
from gonogo.masking import Mask
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.model.measurement import Measurement, Window

SECRET = "hush-and-not-a-word"  # noqa: S105  # nothing asks for it
MASK = Mask({SECRET: "ADMIN_JWT"})
NOW = datetime(2026, 11, 23, 14, 15, tzinfo=UTC)


def messages(*said: str) -> list[str]:
    """What is left of error messages."""
    top = Measurement("errors.top", breakdown=dict.fromkeys(said, 1))
    window = Window(timedelta(hours=1), NOW - timedelta(hours=1), NOW)
    seen = Observation(window, NOW, LedgerFacts(), None, {"errors.top": top}, {})
    return [*masked(seen, MASK).measurements["errors.top"].breakdown]


@pytest.mark.parametrize("left", range(4, len(SECRET) + 1))
def test_half_a_secret_at_the_end_of_a_message_that_was_cut_is_masked(left: int) -> None:
    """The survey cuts before anybody can mask, however much of the secret it leaves."""
    before = "x" * (CUT_AT_BYTES - left)
    assert messages(before + SECRET[:left]) == [f"{before}<ADMIN_JWT>"]


def test_the_end_of_a_message_that_is_whole_is_its_own() -> None:
    """Nobody cut it, so it is no half of anything; whatever is in it is masked."""
    assert messages(f"{SECRET} is no word for hush") == ["<ADMIN_JWT> is no word for hush"]


def test_every_survey_of_messages_cuts_where_the_mask_expects_it(
    pytestconfig: pytest.Config,
) -> None:
    """Whatever is cut in SQL is cut there."""
    surveys = Path(pytestconfig.rootpath / "checks" / "sql").glob("*.sql")
    cuts = [
        cut for path in surveys for cut in re.findall(r"\bleft\(.*?, (\d+)\)", path.read_text())
    ]
    assert set(map(int, cuts)) == {CUT_AT_BYTES}
