"""What a rehearsal took is the project's own part of it, and is shown beside its limit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gonogo.model.step import StepEvent, StepKind, StepRecord
from gonogo.sandbox.acting import Client, Figure, Stopwatch, deployment_figure


def step(name: str, elapsed_s: float) -> StepRecord:
    """A step that ended well."""
    return StepRecord(name, name, "succeeded", datetime(2026, 1, 1, tzinfo=UTC), elapsed_s, "")


def test_the_teams_own_programs_do_not_count() -> None:
    """Commands and the service's start are theirs."""
    figure = deployment_figure(
        [step("backup", 1.5), step("install", 90), step("migrate", 0.5), step("wait_healthy", 30)]
    )
    assert figure.took_s == 2.0


@pytest.mark.parametrize(("took_s", "word"), [(0.5, "within"), (0.51, "PAST")])
def test_the_limit_itself_is_kept(took_s: float, word: str) -> None:
    """What is past it is shouted."""
    assert f"{word} the limit of 0.5 s" in str(Figure("wait", took_s, 0.5))


@pytest.mark.parametrize(
    ("answers", "outage_s"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 1),
        ([0, 1, 9, 10], 8),
        ([0, 3, 4, 5, 6, 7, 30], 3),
        ([0, 2, 2.5, 4, 6, 9], 3),
    ],
)
def test_an_outage_is_the_longest_wait_that_touches_the_stretch(
    answers: list[float], outage_s: float
) -> None:
    """Also one that began before it or ended after it; none that lies beside it."""
    assert Client("", answers).outage_s(2.2, 6.5) == outage_s


def test_a_stopwatch_hands_on_and_takes_one_step() -> None:
    """Other steps pass by."""
    heard: list[StepEvent] = []
    watch = Stopwatch("revert", heard.append)
    for name in ("stop", "revert"):
        for kind in (StepKind.STARTED, StepKind.FINISHED):
            watch(StepEvent(kind, name, name))
    assert len(heard) == 4
    assert 0 < watch.began <= watch.ended
    assert watch.took_s >= 0
