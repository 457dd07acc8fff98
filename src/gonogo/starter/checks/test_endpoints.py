"""The application's endpoints, asked now, whatever the window."""

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome


@pytest.mark.asks(role="criterion", groups=("endpoint",))
def test_endpoint(finding: Finding, tolerated: frozenset[Outcome]) -> None:
    """The endpoint answers as it must."""
    assert finding.outcome in tolerated, finding.reason
