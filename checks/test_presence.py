"""Presence: each stream that must flow does; too many overdue events hold the verdict."""

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome


@pytest.mark.asks(role="presence")
def test_presence(finding: Finding) -> None:
    """No more events are overdue than chance explains, and the silence is not too long."""
    assert finding.outcome is Outcome.MET, finding.reason
