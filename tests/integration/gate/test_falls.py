"""A rate that fell some hours ago, through a whole gate on a real database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import psycopg
import pytest

from gate_process import GateOutcome, Soaked
from gonogo.measure.surveys import naive

Gate = Callable[..., GateOutcome]
STAGING = ("--environment=staging", "--without=endpoints", "--window=48h")
FELL = timedelta(hours=6)
# So many more of all rows that 5,000 executed syncs fill the window.
COLUMNS = "user_id, integration_type, sync_type, result, skip_reason, duration_ms, created_at"
BUSY = f"""
insert into sync_metrics ({COLUMNS})
select {COLUMNS} from sync_metrics, generate_series(1, 5000 / (
    select count(*) from sync_metrics where result <> 'skipped' and created_at >= %(start)s))
where created_at >= %(start)s"""
# One of six successes since then fails, evenly: 97 % becomes 80 %, and no five in a row fail.
FALL = """
update sync_metrics set result = 'failure', error_message = 'a fault' where id in (
    select id from (
        select id, row_number() over (order by created_at, id) as place from sync_metrics
        where result = 'success' and created_at >= %(end)s - %(fell)s
            and (%(part)s::text is null or integration_type = %(part)s)) as successes
    where place %% 6 = 0)"""


def fallen(soaked: Soaked, part: str | None = None) -> str:
    """Let syncs fall six hours before the soak's end; returns the option that asks of then."""
    end = naive(soaked.end)
    told: Mapping[str, object] = {
        "start": end - timedelta(hours=48),
        "end": end,
        "fell": FELL,
        "part": part,
    }
    with psycopg.connect(soaked.conninfo) as connection:
        connection.execute(BUSY, told)
        connection.execute(FALL, told)
    return f"--as-of={soaked.end.isoformat()}"


@pytest.mark.parametrize("part", [None, "google_contacts"])
def test_a_rate_that_fell_six_hours_ago_is_not_go(
    gate: Gate, soaked: Soaked, part: str | None
) -> None:
    """5,000 syncs, 95 % of them good: of these hours 80 % are, of all or of one integration."""
    held = gate(soaked.conninfo, *STAGING, fallen(soaked, part))
    assert held.code == 10, held.output
    (found,) = [
        one
        for one in held.document["findings"]
        if (one["metric"], one["role"]) == ("sync.success_rate", "alert")
    ]
    assert found["reason"] == "fell", held.output
    assert found["worsened"]
    assert "fell since" in held.output
    (trend,) = [
        item
        for phase in held.document["checklist"]
        for item in phase["items"]
        if item["id"] == "soak.trend"
    ]
    assert trend["state"] == "failed"
    criterion = next(one for one in held.document["findings"] if one["metric"] == found["metric"])
    assert criterion["outcome"] == "met"
