"""After a failure: what is stopped, since when, and what fits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from gonogo.application.identity import Sight, State
from gonogo.application.outage import Watch
from gonogo.ledger.rows import StepRow
from gonogo.masking import Mask
from gonogo.model.kinds import OutageKind
from gonogo.model.limit import Json
from gonogo.model.step import Outage, StepRecord
from gonogo.record.files import Log
from gonogo.rollout.identity_steps import left_stopped, outage_of, stopped_since
from gonogo.rollout.runner.steps import Runner

AT = datetime(2026, 11, 28, 9, tzinfo=UTC)
Outcome = Literal["succeeded", "failed", "skipped"]


def record(
    name: str, outcome: Outcome = "succeeded", minute: int = 0, **evidence: Json
) -> StepRecord:
    """A step that took a second."""
    return StepRecord(name, name, outcome, AT + timedelta(minutes=minute), 1.0, "", evidence)


STOPPED, JOBS = record("stop_app"), record("stop_jobs")
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("records", "stopped"),
    [
        ([], {}),
        ([record("migrate", "failed")], {}),
        ([STOPPED, record("migrate", "failed", 1)], {"stop_app": 0}),
        ([STOPPED, record("start_app", "failed", 1)], {"stop_app": 0}),
        ([JOBS, record("stop_app", minute=1)], {"stop_jobs": 0, "stop_app": 1}),
        ([JOBS, record("stop_app", "failed", 1)], {"stop_jobs": 0, "stop_app": 1}),
        ([JOBS, STOPPED, record("start_app", minute=1)], {"stop_jobs": 0}),
        ([JOBS, STOPPED, record("start_app"), record("start_jobs", "failed")], {"stop_jobs": 0}),
        ([JOBS, STOPPED, record("start_app"), record("start_jobs", "skipped")], {}),
        ([STOPPED, record("start_app", minute=1), record("identity", "failed", 2)], {}),
        ([record("stop_app", "skipped"), record("migrate", "failed")], {}),
    ],
)
def test_what_was_stopped_and_not_started_is_down_since_its_stop(
    records: list[StepRecord], stopped: dict[str, int]
) -> None:
    """A stop that failed may have ended something too; a stop that was skipped ended nothing."""
    since = {name: AT + SECOND + timedelta(minutes=minute) for name, minute in stopped.items()}
    assert stopped_since(records) == since


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["stop_jobs", "stop_app", "migrate!"], {"stop_jobs": 0, "stop_app": 1}),
        (["stop_app", "start_app!", "stop_app", "start_app!"], {"stop_app": 0}),
        (["stop_app", "bring_back", "stop_app", "migrate!"], {"stop_app": 2}),
        (["stop_jobs", "stop_app", "start_app", "start_jobs!"], {"stop_jobs": 0}),
        (["stop_jobs", "stop_app", "restart"], {}),
        (["stop_app!", "migrate!"], {}),
    ],
)
def test_what_an_earlier_run_left_down_is_down_since_that_run(
    steps: list[str], left: dict[str, int]
) -> None:
    """A run that goes on counts from the first stop that no start followed, as the ledger says."""
    rows = [
        StepRow(
            id=place,
            deployment_id=1,
            procedure="deploy",
            name=name.removesuffix("!"),
            started_at=AT,
            finished_at=AT + timedelta(minutes=place),
            outcome="failed" if name.endswith("!") else "succeeded",
            evidence={},
            error=None,
        )
        for place, name in enumerate(steps)
    ]
    assert left_stopped(rows) == {one: AT + timedelta(minutes=n) for one, n in left.items()}


def seen(state: State) -> StepRecord:
    """What was seen before the stop."""
    return record("running_before", instances=[Sight("http://a", state, "").evidence])


ANSWERED = [seen(State.ANSWERS), STOPPED, record("start_app")]


@pytest.mark.parametrize(
    ("records", "watch", "found"),
    [
        ([record("migrate", "failed")], None, Outage(OutageKind.NOT_STOPPED)),
        ([record("stop_app", "skipped")], Watch("", ""), Outage(OutageKind.NOT_STOPPED)),
        (
            [*ANSWERED, record("identity", outage_s=1.5)],
            None,
            Outage(OutageKind.MEASURED, 1.5),
        ),
        ([*ANSWERED, record("bring_back")], Watch("", "", 2.0), Outage(OutageKind.MEASURED, 2.0)),
        (ANSWERED, Watch("", "", 2.0, refused_at=1.0), Outage(OutageKind.LASTS)),
        ([*ANSWERED, record("identity", outage_s=None)], None, Outage(OutageKind.RESUMED)),
        ([seen(State.GONE), *ANSWERED[1:]], None, Outage(OutageKind.UNSEEN)),
        ([record("running_before", "skipped"), STOPPED], None, Outage(OutageKind.UNSEEN)),
    ],
)
def test_an_outage_is_measured_or_it_is_said_why_not(
    records: list[StepRecord], watch: Watch | None, found: Outage, tmp_path: Path
) -> None:
    """What the proof measured counts, else what is still measured; nothing is made up."""
    with Log.open(tmp_path, "deploy", Mask.of({})) as log:
        runner = Runner("deploy", lambda _: None, log, records, watch=watch)
        assert outage_of(runner) == found
        assert runner.watch is None
