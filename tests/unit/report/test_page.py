"""Why the verdict is what it is, how sure that is, and by what a record is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gonogo.model.finding import Decidable, VerdictReason
from gonogo.model.kinds import OutageKind, Why
from gonogo.model.record import Record
from gonogo.model.step import Outage
from gonogo.report.answers import answers, reasons
from gonogo.report.page import attention, cards, expected, facts, notices, outage, sureness, why
from record_examples import IDENTITY, after, deployment, hold, no_go, provenance


def test_a_reason_calls_the_metric_by_its_title() -> None:
    """What is no metric's stays as it is."""
    record = no_go()
    assert record.verdict
    more = VerdictReason(Why.UNEXPLAINED, "test_a")
    told = reasons(record.having(verdict=replace(record.verdict, reasons=(more,))), named=True)
    assert told == ("test_a failed, and no finding says why",)
    assert reasons(record, named=True)[0].startswith("Sync success rate: 76.2 %")
    assert reasons(record)[0].startswith("sync.success_rate: 76.2 %")


def test_a_whole_soak_with_all_its_checks_is_told_as_such(go: Record) -> None:
    """Checks, window, points, moments, and how often it was asked."""
    assert sureness(go) == [
        "11 of 11 checks answered, none inconclusive, 1 left out on purpose",
        "all of the 48 h covered",
        "95 of 100 points of the score measured",
        "no record of 1 of the 6 moments of the soak",
        "gate number 3 since the deployment",
    ]


def test_what_is_open_is_counted() -> None:
    """Inconclusive checks, checks without an answer, hours that have not come."""
    told = sureness(hold())
    assert told[0] == "10 of 11 checks answered, 1 inconclusive"
    assert told[1] == "31 h of the 48 h covered"


def test_a_server_that_the_role_may_not_identify_is_said_first(go: Record) -> None:
    """Which earlier records are of this database rests on its address then."""
    assert notices(go) == []
    nameless = provenance(database=replace(IDENTITY, system_identifier=""))
    (said,) = notices(go.having(provenance=nameless))
    assert said.startswith("The role may not read which server this is")


def test_a_deployment_is_not_a_matter_of_evidence() -> None:
    """It expects no check."""
    assert sureness(deployment()) == []


def test_the_database_is_named_first(go: Record) -> None:
    """With what the role may do at most, and what the ledger said."""
    told = dict(facts(go))
    assert list(told)[:3] == ["Database", "Connection", "Server"]
    assert told["Server"] == "PostgreSQL 18.6"
    assert told["Ledger"] == "present"
    assert told["Gates since the deployment"] == "3"
    strong = provenance(database=replace(IDENTITY, rights="superuser"), ledger_problem="gone")
    told = dict(facts(go.having(provenance=strong, without=("endpoints", "ledger"))))
    assert told["Rights of the role"].startswith("a superuser's: more than the gate needs")
    assert told["Ledger"] == "gone"
    assert told["Left out on purpose"] == "endpoints, ledger"


def test_where_nobody_knows_of_a_deployment_the_coverage_says_so(go: Record) -> None:
    """The whole window is assumed."""
    assert "Coverage" not in dict(facts(go))
    assert go.window
    unknown = go.having(window=replace(go.window, deployed_at=None))
    assert dict(facts(unknown))["Coverage"].startswith("unknown")


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        (Outage(OutageKind.MEASURED, 1.26), "1.3 s, from the first refused"),
        (Outage(OutageKind.RESUMED), "not measured: the run was resumed"),
        (Outage(OutageKind.NOT_STOPPED), "none: "),
    ],
)
def test_the_head_of_a_rollout_says_its_outage(known: Outage, shown: str) -> None:
    """In seconds, or why nobody measured it."""
    record = deployment()
    assert record.rollout
    changed = record.rollout.model_copy(update={"outage": known})
    assert outage(record.having(rollout=changed)).startswith(shown)


def test_a_rollout_tells_who_and_what_was_before() -> None:
    """And what a failure left undone."""
    told = dict(facts(deployment()))
    assert told["Deployed by"] == "ada"
    assert told["Previous revision"] == "77aa0123bc45"
    assert told["Not done"] == "Grant the rights"
    assert "Reason" not in told


def told(record: Record) -> str:
    """Why its verdict is what it is, in a sentence."""
    found = answers(record)
    return why(record, attention(cards(record, found, ())))


def test_why_is_one_sentence_in_a_persons_words(go: Record) -> None:
    """A GO counts; anything worse names its worst metric in words, the others by title."""
    assert told(go) == "10 checks met with evidence, 1 left out, over 48 h of 48 h."
    assert told(no_go()) == (
        "Sync success rate: 96.7 % of 3,926 syncs succeeded; more than 90 % must, "
        "below 80 % is critical, below 70 % is a rollback; also Users with an invalid token."
    )
    held = told(hold())
    assert held == "The soak is not complete: 31h of 48h covered; also Onboarding success rate."


def test_a_hold_says_when_it_is_expected_to_be_decidable(go: Record) -> None:
    """What must come by when; or that waiting does not help."""
    assert expected(go) == ""
    assert expected(hold()) == (
        "Expected to be decidable by 23 Nov 14:15 UTC: that is about 14 more first syncs at the "
        "rate of the last hours."
    )
    over = hold().having(decidable=Decidable(after(48)))
    assert expected(over).endswith("then the soak is over.")
    stuck = hold().having(decidable=Decidable(open=1))
    assert expected(stuck).startswith("Waiting alone does not decide it: 1 check needs")
