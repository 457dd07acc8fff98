"""Which decision a record allows, and which items a person may tick on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Decision, Environment, ItemState
from gonogo.model.record import Record
from gonogo.signing.admission import Request, attestable, require_allowed
from gonogo.signing.signoffs import MOST_CHARACTERS
from signers import ADA, verdict, worth_signing

NOWHERE = Path("nowhere")
PRODUCTION = Environment.PRODUCTION


def request(**changes: Any) -> Request:
    """Ada's "go" for production, and these changes."""
    known: dict[str, Any] = {
        "directory": NOWHERE,
        "decision": Decision.GO,
        "by": ADA,
        "allowed_signers": NOWHERE,
        "environ": {},
    }
    return Request(**known | changes)


def held() -> Record:
    """A record whose verdict is HOLD."""
    return worth_signing().having(verdict=verdict("HOLD"))


@pytest.mark.parametrize("environment", Environment)
def test_a_go_record_allows_go_for_production(environment: Environment) -> None:
    """It may come from either environment."""
    require_allowed(worth_signing(environment), request())


def test_without_a_target_go_is_meant_for_production() -> None:
    """So a rehearsal is refused where no target is named."""
    with pytest.raises(SigningError, match="it is simulated"):
        require_allowed(worth_signing().having(simulated=True), request())


def test_what_can_never_stand_for_production_may_stand_for_staging() -> None:
    """A rehearsal's record can be signed for staging."""
    simulated = worth_signing().having(simulated=True)
    require_allowed(simulated, request(target=Environment.STAGING))


def test_no_reason_lets_a_rehearsal_into_production() -> None:
    """An override does not lift this refusal."""
    simulated = worth_signing().having(simulated=True)
    with pytest.raises(SigningError, match=r'cannot be signed "go" for production: it is simul'):
        require_allowed(simulated, request(override="the board decided"))


def test_a_record_of_production_says_nothing_of_staging() -> None:
    """Go for staging is refused on it."""
    with pytest.raises(UsageError, match="a record of production says nothing of staging"):
        require_allowed(worth_signing(PRODUCTION), request(target=Environment.STAGING))


def test_go_against_the_verdict_needs_a_reason() -> None:
    """The refusal says how to give one."""
    with pytest.raises(SigningError, match=r'"go": the verdict is HOLD, not GO; .*--override'):
        require_allowed(held(), request())


def test_a_reason_overrides_the_verdict() -> None:
    """HOLD can be signed "go" with an override."""
    require_allowed(held(), request(override="the board decided"))


@pytest.mark.parametrize("decision", [one for one in Decision if one is not Decision.GO])
def test_any_other_decision_is_allowed_on_any_record(decision: Decision) -> None:
    """Even for staging on a record of production, where "go" is refused."""
    wrong = worth_signing(PRODUCTION).having(simulated=True, verdict=None)
    require_allowed(wrong, request(decision=decision, target=Environment.STAGING))


@pytest.mark.parametrize("reason", ["", " ", "\t"])
def test_an_empty_reason_is_none(reason: str) -> None:
    """It is refused even where no reason is needed."""
    with pytest.raises(UsageError, match="--override needs a reason"):
        require_allowed(worth_signing(), request(override=reason))


@pytest.mark.parametrize("option", ["by", "override"])
@pytest.mark.parametrize("text", ["a\nb", "a\u202eb", "x" * (MOST_CHARACTERS + 1)])
def test_names_and_reasons_are_one_line_of_plain_text(option: str, text: str) -> None:
    """A line end, an invisible character or too long a text is refused for every decision."""
    changes: dict[str, Any] = {option: text}
    with pytest.raises(UsageError, match=f"^--{option} .*one line of plain text") as refused:
        require_allowed(worth_signing(), request(decision=Decision.HOLD, **changes))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("option", ["by", "override"])
def test_names_and_reasons_may_be_as_long_as_a_sign_off_holds(option: str) -> None:
    """Exactly the limit is within it."""
    changes: dict[str, Any] = {option: "x" * MOST_CHARACTERS}
    require_allowed(worth_signing(), request(**changes))


def test_a_name_that_is_blank_is_none() -> None:
    """A sign-off needs a name."""
    with pytest.raises(UsageError, match=r"^--by "):
        require_allowed(worth_signing(), request(by=" "))


def test_only_a_persons_items_can_be_ticked() -> None:
    """Items that the suite proves are left out."""
    assert attestable(worth_signing()) == {"soak.complaints": "No complaint of a user is open"}


def test_items_can_be_asked_for_by_their_state() -> None:
    """Those that are still open, or those that somebody ticked before."""
    document = worth_signing()
    assert list(attestable(document, ItemState.OPEN)) == ["soak.complaints"]
    assert attestable(document, ItemState.ATTESTED) == {}


def test_a_record_without_a_checklist_has_nothing_to_tick() -> None:
    """A record of smoke requests is such a record."""
    assert attestable(worth_signing().having(checklist=())) == {}
