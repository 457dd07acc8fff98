"""The outage that a client sees."""

from __future__ import annotations

import pytest

from gonogo.application import outage
from gonogo.application.identity import State
from gonogo.application.outage import Watch
from waiting import until


def counted(*states: State) -> Watch:
    """A watch that heard these a second apart, each after a tenth of one."""
    watch = Watch("http://127.0.0.1:3000", "/")
    for second, state in enumerate(states):
        watch.note(second + 1, second + 1.1, state)
    return watch


def test_an_outage_lasts_from_the_first_refusal_to_the_next_answer() -> None:
    """Three refusals a second apart and then an answer are three seconds, and its own tenth."""
    up, gone = State.ANSWERS, State.GONE
    assert counted(up, gone, gone, gone, up, up).end() == 3.1


def test_no_answer_in_time_is_an_outage_too() -> None:
    """A client does not care why nothing came."""
    assert counted(State.ANSWERS, State.UNKNOWN, State.ANSWERS).end() == 1.1


def test_what_answers_again_at_the_end_is_asked_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its last question may be older than the answer."""
    heard = iter([State.GONE])
    monkeypatch.setattr(
        outage, "state_of", lambda *_, **__: (next(heard, State.ANSWERS), "as it was")
    )
    monkeypatch.setattr(outage, "PAUSE_S", 60)
    watch = Watch.begin("http://127.0.0.1:3000", "/")
    until(lambda: watch.refused_at is not None)
    assert watch.end() is not None


def test_an_outage_that_goes_on_has_no_length() -> None:
    """What has not come back cannot be measured."""
    assert counted(State.ANSWERS, State.GONE).end() is None


def test_an_application_that_never_refused_was_not_away() -> None:
    """A rolling deployment has no outage."""
    assert counted(State.ANSWERS, State.ANSWERS).end() == 0
