"""Alert thresholds: warnings are listed, critical alerts stop the rollout."""

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome


@pytest.mark.asks(role="alert")
def test_alert(finding: Finding, tolerated: frozenset[Outcome]) -> None:
    """No level is passed: whole, by part, of late, or over time."""
    assert finding.outcome in tolerated, finding.reason
