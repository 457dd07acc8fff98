"""The database itself: what would make every other number wrong."""

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome


@pytest.mark.asks(role="criterion", groups=("db",))
def test_database(finding: Finding, tolerated: frozenset[Outcome]) -> None:
    """Clock, time zone, visibility and replay are as the figures need them."""
    assert finding.outcome in tolerated, finding.reason
