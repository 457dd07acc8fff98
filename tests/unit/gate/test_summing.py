"""The final report of a soak, made of its records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.gate.summary import _strangers, summary
from gonogo.model.finding import Verdict, VerdictReason
from gonogo.model.kinds import Environment, Kind, State, VerdictKind, Why
from gonogo.model.measurement import Count
from gonogo.model.record import Record
from gonogo.model.step import MainRate
from gonogo.record.listing import ArchivedRecord
from gonogo.report.answers import reasons
from gonogo.report.timeline import of_this_soak
from record_examples import gate as newest_gate

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PRODUCTION = Environment.PRODUCTION


def gate(days: float, verdict: str = "GO", **more: Any) -> ArchivedRecord:
    """A record as of so many days after the deployment, of one day unless it says otherwise."""
    as_of = BEGAN + days * DAY
    told: dict[str, Any] = {
        "kind": Kind.GATE,
        "state": State.COMPLETE,
        "verdict": VerdictKind(verdict),
        "points": 97.5,
        "asked_s": 86400,
        "as_of": as_of,
        "deployed_at": BEGAN,
        "sha256": "4a" * 32,
        "rates": (MainRate(metric="a.rate", title="A", count=Count(99, 100)),),
    }
    name = f"{as_of:%Y%m%dT%H%M%SZ}_{verdict}"
    return ArchivedRecord(
        directory=Path("/archive/production") / name,
        environment="production",
        label=verdict,
        moment=as_of,
        **told | more,
    )


def summed(*gates: ArchivedRecord) -> Record:
    """The report."""
    head = Record(
        kind=Kind.SUMMARY, title="Final", environment=PRODUCTION, started_at=BEGAN + 15 * DAY
    )
    return summary(head, gates, newest_gate())


def verdict(*gates: ArchivedRecord) -> Verdict:
    """What the report decides."""
    told = summed(*gates).verdict
    assert told
    return told


def whole() -> ArchivedRecord:
    """The look at the whole two weeks."""
    return gate(14, asked_s=14 * 86400)


def test_a_record_of_the_whole_soak_gives_its_own_verdict() -> None:
    """GO when it says so, and what it says otherwise."""
    assert verdict(gate(1), whole()).kind is VerdictKind.GO
    bad = gate(14, "NO-GO", asked_s=14 * 86400)
    assert verdict(gate(1), bad).kind is VerdictKind.NO_GO


def test_the_last_day_alone_is_no_soak() -> None:
    """HOLD, and what to do; whatever is worse than HOLD stays what it is."""
    told = summed(gate(1), gate(14))
    assert told.verdict
    assert told.verdict.kind is VerdictKind.HOLD
    assert "the newest record judges 24h only" in reasons(told)[0]
    assert verdict(gate(14, "ROLLBACK")).kind is VerdictKind.ROLLBACK


def test_what_nobody_looked_at_and_what_was_bad_is_told() -> None:
    """Each moment that is missing, each record that was worse than HOLD."""
    bad = gate(5, "NO-GO")
    warnings = verdict(gate(1 / 24), gate(2), bad, whole()).warnings
    assert warnings[0] == VerdictReason(Why.MOMENT_MISSED, "hour 4")
    assert VerdictReason(Why.MOMENT_MISSED, "day 2") not in warnings
    no_go = VerdictKind.NO_GO
    assert VerdictReason(Why.EARLIER_VERDICT, bad.name, verdict=no_go, at=bad.as_of) in warnings


def test_the_report_names_each_record_by_its_hash() -> None:
    """And has its window, score and rates."""
    told = summed(gate(1), whole())
    first, last = told.records
    assert first.record.endswith("_GO")
    assert first.sha256 == "4a" * 32
    assert last.asked_s == 14 * 86400
    assert [rate.count for rate in first.rates] == [Count(99, 100)]
    assert told.window
    assert told.window.complete
    assert told.provenance == newest_gate().provenance


@pytest.mark.parametrize(
    "other",
    [
        gate(3, kind=Kind.DEPLOYMENT),
        gate(3, state=State.ABORTED),
        gate(3, deployed_at=BEGAN - 30 * DAY),
        gate(3, as_of=None),
        gate(3, deployed_at=None),
        gate(3, state="unreadable"),
    ],
)
def test_only_gates_of_the_latest_deployment_count(other: ArchivedRecord) -> None:
    """Neither rollouts, nor aborted runs, nor an earlier soak, nor what knows no window."""
    mine = gate(2)
    assert of_this_soak([other, mine], PRODUCTION) == (mine,)
    assert of_this_soak([other, mine], Environment.STAGING) == ()


def test_only_the_database_of_the_newest_look_counts() -> None:
    """Another one, deployed to at the same moment, is left out; the report says so."""
    mine, other = (gate(2, database="1/app"), gate(9, database="1/app")), gate(3, database="2/app")
    assert of_this_soak([mine[1], other, mine[0]], PRODUCTION) == mine
    assert _strangers([*mine, other, gate(4, database="")], mine) == (other,)
    head = Record(
        kind=Kind.SUMMARY, title="Final", environment=PRODUCTION, started_at=BEGAN + 15 * DAY
    )
    told = summary(head, mine, newest_gate(), (other,)).verdict
    assert told
    assert told.warnings[-1] == VerdictReason(Why.ANOTHER_DATABASE, count=Count(1, 3), at=BEGAN)


def test_the_oldest_comes_first() -> None:
    """By the window's end, not by when it was asked."""
    early, late = gate(2), gate(9)
    assert of_this_soak([late, early], PRODUCTION) == (early, late)
