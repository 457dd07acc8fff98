"""The schema: what each migration must have made is there and valid, by meaning."""

import pytest

from gonogo.model.finding import Finding
from gonogo.model.kinds import Outcome


@pytest.mark.asks(role="criterion", groups=("schema",))
def test_schema(finding: Finding, tolerated: frozenset[Outcome]) -> None:
    """Every table, column, index and constraint is there, and the ledger knows of it."""
    assert finding.outcome in tolerated, finding.reason
