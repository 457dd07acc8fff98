"""The final report of a soak, made of its records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.kinds import Environment
from gonogo.record.archived import ArchivedRecord, MainRate
from gonogo.report.summary import of_this_soak, summary

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PRODUCTION = Environment.PRODUCTION


def gate(days: float, verdict: str = "GO", **more: Any) -> ArchivedRecord:
    """A record as of so many days after the deployment, of one day unless it says otherwise."""
    as_of = BEGAN + days * DAY
    told: dict[str, Any] = {
        "kind": "gate",
        "verdict": verdict,
        "points": 97.5,
        "asked_s": 86400,
        "as_of": as_of,
        "deployed_at": BEGAN,
        "sha256": "4a" * 32,
        "rates": (MainRate("a.rate", "A", 99, 100),),
    }
    name = f"{as_of:%Y%m%dT%H%M%SZ}_{verdict}"
    return ArchivedRecord(
        Path("/archive/production") / name, "production", verdict, as_of, "complete", **told | more
    )


def verdict(*gates: ArchivedRecord) -> dict[str, Any]:
    """What the report decides."""
    told: dict[str, Any] = summary(gates, {}, PRODUCTION)["verdict"]
    return told


def whole() -> ArchivedRecord:
    """The look at the whole two weeks."""
    return gate(14, asked_s=14 * 86400)


def test_a_record_of_the_whole_soak_gives_its_own_verdict() -> None:
    """GO when it says so, and what it says otherwise."""
    assert verdict(gate(1), whole())["kind"] == "GO"
    assert verdict(gate(1), gate(14, "NO-GO", asked_s=14 * 86400))["kind"] == "NO-GO"


def test_the_last_day_alone_is_no_soak() -> None:
    """HOLD, and what to do; whatever is worse than HOLD stays what it is."""
    told = verdict(gate(1), gate(14))
    assert (told["kind"], told["exit_code"]) == ("HOLD", 10)
    assert "the newest record judges 24h only" in told["reasons"][0]
    assert verdict(gate(14, "ROLLBACK"))["kind"] == "ROLLBACK"


def test_what_nobody_looked_at_and_what_was_bad_is_told() -> None:
    """Each moment that is missing, each record that was worse than HOLD."""
    bad = gate(5, "NO-GO")
    warnings = verdict(gate(1 / 24), gate(2), bad, whole())["warnings"]
    assert warnings[0] == "nobody looked at hour 4"
    assert "nobody looked at day 2" not in warnings
    assert f"{bad.name} was NO-GO, as of 2026-11-06T00:00:00Z" in warnings


def test_the_report_names_each_record_by_its_hash() -> None:
    """And has its window, score and rates."""
    told = summary((gate(1), whole()), {"facts": {"Database": "app", "Snapshot": "1"}}, PRODUCTION)
    first, last = told["records"]
    assert first["record"].endswith("_GO")
    assert first["sha256"] == "4a" * 32
    assert last["asked_s"] == 14 * 86400
    assert first["rates"] == [{"metric": "a.rate", "title": "A", "k": 99, "n": 100}]
    assert told["window"]["complete"] is True
    assert told["facts"] == {"Database": "app"}


@pytest.mark.parametrize(
    "other",
    [
        gate(3, kind="deployment"),
        gate(3, deployed_at=BEGAN - 30 * DAY),
        gate(3, as_of=None),
        gate(3, deployed_at=None),
        gate(3, verdict="SURELY"),
    ],
)
def test_only_gates_of_the_latest_deployment_count(other: ArchivedRecord) -> None:
    """Neither rollouts, nor an earlier soak, nor what knows no window."""
    mine = gate(2)
    assert of_this_soak([other, mine], PRODUCTION) == (mine,)
    assert of_this_soak([other, mine], Environment.STAGING) == ()


def test_the_oldest_comes_first() -> None:
    """By the window's end, not by when it was asked."""
    early, late = gate(2), gate(9)
    assert of_this_soak([late, early], PRODUCTION) == (early, late)
