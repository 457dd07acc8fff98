"""Success criteria: what must hold before a rollout may go on."""

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome


@pytest.mark.asks(role="criterion", others=("schema", "endpoint", "jobs", "db"))
def test_success_criterion(finding: Finding, tolerated: frozenset[Outcome]) -> None:
    """The value meets its objective, and the evidence excludes its critical level."""
    assert finding.outcome in tolerated, finding.reason
