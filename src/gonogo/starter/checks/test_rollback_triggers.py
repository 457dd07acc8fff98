"""Rollback triggers: any one that fires says to roll back at once."""

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome


@pytest.mark.asks(role="trigger")
def test_rollback_trigger(finding: Finding) -> None:
    """The trigger does not fire."""
    assert finding.outcome is Outcome.MET, finding.reason
