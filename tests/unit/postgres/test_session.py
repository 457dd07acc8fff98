"""What is asked of a connection first: whether gonogo knows the server's version."""

from __future__ import annotations

import pytest

from gonogo.postgres.session import version_problem


@pytest.mark.parametrize(
    ("version", "fine"), [(120_099, False), (130_000, True), (180_006, True), (190_000, False)]
)
def test_versions_13_to_18_will_do(version: int, fine: bool) -> None:  # noqa: FBT001 - a case
    """What nobody tried is not promised."""
    assert (version_problem(version) == "") is fine
