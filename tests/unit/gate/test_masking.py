"""What a database says is masked before anything is judged by it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.gate.observe import CUT_AT_BYTES, masked
from gonogo.gate.setting import Observation
from gonogo.masking import Mask
from gonogo.measure.ledger_facts import LedgerFacts
from gonogo.model.kinds import Says
from gonogo.model.measurement import Count, HourCount, Measurement, Remark, Window, Worst
from gonogo.model.step import LedgerEvent

SECRET = "hush-and-not-a-word"  # noqa: S105  # nothing asks for it
MASK = Mask({SECRET: "ADMIN_JWT"})
NOW = datetime(2026, 11, 23, 14, 15, tzinfo=UTC)


def messages(*said: str) -> list[str]:
    """What is left of error messages."""
    top = Measurement("errors.top", breakdown=dict.fromkeys(said, 1))
    return [*masked(seen(top), MASK).measurements["errors.top"].breakdown]


SAID = f"it said {SECRET}"
REMARK = Remark(Says.ANSWERED, SAID, SAID)


def texts_masked(**changes: Any) -> str:
    """An observation with a secret in these places, as it is judged."""
    ours = {key: changes.pop(key) for key in [*changes] if key not in OF_OBSERVATION}
    return repr(masked(replace(seen(Measurement("a.b", **ours)), **changes), MASK))


def seen(measurement: Measurement) -> Observation:
    """An observation of this alone."""
    window = Window(timedelta(hours=1), NOW - timedelta(hours=1), NOW)
    return Observation(window, NOW, LedgerFacts(), None, {measurement.metric: measurement}, {})


OF_OBSERVATION = ("ledger", "timeline")


@pytest.mark.parametrize(
    "place",
    [
        {"missing": REMARK},
        {"degraded": REMARK},
        {"recent_missing": REMARK},
        {"parts_missing": REMARK},
        {"notes": (REMARK, REMARK)},
        {"held_back": REMARK},
        {"worst": (Worst("user", SAID, Count(1, 2)),)},
        {"by_part": {SAID: Count(1, 2)}},
        {"hours_by_part": {SAID: (HourCount(NOW, Count(1, 2)),)}},
        {"recent": {SAID: (Count(1, 2),)}},
        {"hourly_parts": {SAID: (1,)}},
        {"breakdown": {SAID: 1}},
        {"ledger": LedgerFacts(revision=SAID)},
        {"ledger": LedgerFacts(problem=SAID)},
        {"timeline": (LedgerEvent(NOW, "incident", SAID),)},
        {"timeline": (LedgerEvent(NOW, "incident", "", SAID),)},
    ],
    ids="".join,
)
def test_a_secret_is_masked_wherever_a_database_may_say_it(place: dict[str, Any]) -> None:
    """What stands around it stays."""
    found = texts_masked(**place)
    assert SECRET not in found
    assert "it said <ADMIN_JWT>" in found


def test_no_e_mail_address_says_whose_failures_they_are() -> None:
    """A user is shown by the application's id; one that is an address is left out."""
    worst = (Worst("user", "ada@example.com", Count(1, 2)), Worst("user", "42", Count(1, 2)))
    found = masked(seen(Measurement("a.b", worst=worst)), MASK).measurements["a.b"]
    assert [one.name for one in found.worst] == ["<e-mail address>", "42"]


def test_parts_that_read_the_same_once_masked_are_kept_apart() -> None:
    """Nothing that was counted is lost."""
    other = Mask({"hush": "TOKEN", "hash": "TOKEN", "hiss": "TOKEN"})
    parts = {name: Count(1, n) for n, name in enumerate(("hush", "hash", "hiss"), 1)}
    found = masked(seen(Measurement("a.b", by_part=parts)), other)
    assert found.measurements["a.b"].by_part == {
        "<TOKEN>": Count(1, 1),
        "<TOKEN> (another)": Count(1, 2),
        "<TOKEN> (another) (another)": Count(1, 3),
    }


def test_messages_that_read_the_same_once_masked_add_up() -> None:
    """So do those of a message that stands there already."""
    top = Measurement("errors.top", breakdown={SECRET: 3, "<ADMIN_JWT>": 4})
    assert masked(seen(top), MASK).measurements["errors.top"].breakdown == {"<ADMIN_JWT>": 7}


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
