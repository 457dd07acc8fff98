"""Why the verdict is what it is, and how sure that is."""

from __future__ import annotations

from gonogo.record.schema import Json, with_defaults
from gonogo.report.why import reasons, sureness
from record_examples import deployment, hold


def test_a_reason_calls_the_metric_by_its_title(go: Json) -> None:
    """What is no metric's stays as it is."""
    go["verdict"]["reasons"] = ["sync.success_rate: 3.5 % fires", "the soak: not complete"]
    told = reasons(with_defaults(go))
    assert told == ["Sync success rate: 3.5 % fires", "the soak: not complete"]


def test_a_whole_soak_with_all_its_checks_is_told_as_such(go: Json) -> None:
    """Checks, window, points, moments, and how often it was asked."""
    assert sureness(with_defaults(go)) == [
        "11 of 11 checks answered, none inconclusive, 1 left out on purpose",
        "all of the 48 h covered",
        "95 of 100 points of the score measured",
        "1 of 6 moments of the soak without a record",
        "gate number 3 since the deployment",
    ]


def test_what_is_open_is_counted() -> None:
    """Inconclusive checks, checks without an answer, hours that have not come."""
    told = sureness(with_defaults(hold()))
    assert told[0] == "10 of 11 checks answered, 1 inconclusive"
    assert told[1] == "31 h of the 48 h covered"


def test_a_deployment_is_not_a_matter_of_evidence() -> None:
    """It expects no check."""
    assert sureness(with_defaults(deployment())) == []
