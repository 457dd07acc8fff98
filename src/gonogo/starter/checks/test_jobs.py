"""Background jobs: the footprints that they leave, and the runs that they report."""

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome


@pytest.mark.asks(role="criterion", groups=("jobs",))
def test_job(finding: Finding, tolerated: frozenset[Outcome]) -> None:
    """The job has run lately and does not fail again and again."""
    assert finding.outcome in tolerated, finding.reason
