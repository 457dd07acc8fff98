"""What lets a deployment into production, and each reason that keeps it out."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Environment, Kind, State
from gonogo.model.step import Member, Provenance, Subject
from gonogo.record.archive import RunningRecord
from gonogo.signing.permission import Permission, find_permission
from record_examples import IDENTITY, provenance
from signers import ADA, BOB, SUBJECT, Office, worth_signing
from signers import verdict as judged


def ask(office: Office, record: Path | None = None, **wanted: str) -> Permission:
    """Ask for what was judged, or for something else of these."""
    return find_permission(office.archive, office.asked(subject=wanted), record)


def refusal(office: Office, record: Path | None = None, **wanted: str) -> str:
    """Why it is refused, without the record's name."""
    with pytest.raises(SigningError) as refused:
        ask(office, record, **wanted)
    return refused.value.problem.partition(": ")[2] or refused.value.problem


def at(seconds: float) -> datetime:
    """A moment so many seconds from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def of(subject: Subject | None) -> Provenance:
    """What was judged."""
    return provenance(subject=subject)


def signed(office: Office, **changes: Any) -> Path:
    """A record of staging that Ada signed "go" for production."""
    record = office.close(**changes)
    office.sign(record)
    return record


def test_a_signed_go_of_staging_lets_it_in(office: Office) -> None:
    """Its sign-off is named with who signed it and when."""
    record = signed(office)
    found = ask(office)
    assert (found.record, found.signoff) == (record, "signoff-1.json")
    assert found.line.startswith(f'{record.name}, signed "go" by {ADA}, 20')


def test_what_let_it_in_can_be_found_again(office: Office) -> None:
    """The evidence names both files with their hashes, the signer, the key and the time."""
    record = signed(office)
    evidence = ask(office).evidence
    assert evidence["record"] == record.name
    assert len({evidence["record_sha256"], evidence["signoff_sha256"]}) == 2
    assert (evidence["signoff"], evidence["by"]) == ("signoff-1.json", ADA)
    assert evidence["key"] == f"SHA256:of-{ADA}"
    assert evidence["signed_at"].endswith("Z")


def test_without_a_record_of_staging_nothing_is_let_in(office: Office) -> None:
    """One of production does not count."""
    office.sign(office.close(environment="production"))
    assert "there is no gate record of staging in" in refusal(office)


def test_without_a_gate_of_staging_nothing_is_let_in(office: Office) -> None:
    """A signed deployment is no gate."""
    record = office.close("DEPLOYED", kind=Kind.DEPLOYMENT, verdict=None)
    office.sign(record, decision="reviewed")
    assert "there is no gate record of staging in" in refusal(office)


def test_an_unsigned_record_lets_nothing_in(office: Office) -> None:
    """Nobody decided yet."""
    office.close()
    assert refusal(office).endswith("is signed")


def test_an_unsigned_record_that_is_named_lets_nothing_in(office: Office) -> None:
    """The reason names that record."""
    record = office.close()
    assert refusal(office, record) == "it is not signed"


def test_the_newest_signed_gate_counts(office: Office) -> None:
    """Not an older one that was signed as well."""
    signed(office)
    newest = signed(office, started_at=at(5))
    assert ask(office).record == newest


def test_an_archive_elsewhere_can_be_named(office: Office) -> None:
    """CI keeps the whole archive as an artefact."""
    record = signed(office)
    elsewhere = office.root / "artefact"
    office.archive.rename(elsewhere)
    assert ask(office, elsewhere / "staging" / record.name).evidence["record"] == record.name


def test_a_copy_of_one_record_alone_lets_nothing_in(office: Office) -> None:
    """It does not show what was decided since."""
    record = signed(office)
    elsewhere = office.root / "artefact" / record.name
    shutil.copytree(record, elsewhere)
    shutil.rmtree(office.archive)
    assert refusal(office, elsewhere).startswith("it lies in artefact/, not in staging/")


def test_what_is_named_must_be_a_record(office: Office) -> None:
    """Any other directory is wrong usage."""
    with pytest.raises(UsageError, match="is no record"):
        ask(office, office.root)


def test_a_record_of_production_lets_nothing_in(office: Office) -> None:
    """This holds where it is named, too."""
    record = office.close(environment="production")
    office.sign(record)
    assert refusal(office, record) == "it is a record of production, not of staging"


def test_a_final_report_lets_nothing_in(office: Office) -> None:
    """Its verdict is another record's."""
    record = office.close("SUMMARY", kind=Kind.SUMMARY)
    office.sign(record)
    assert refusal(office, record) == "it is a summary's record, not a gate's"


def test_an_aborted_run_lets_nothing_in(office: Office) -> None:
    """Whatever verdict it had by then."""
    record = office.close(state=State.ABORTED)
    assert "its run was aborted" in refusal(office, record)


def test_a_record_that_is_not_go_lets_nothing_in(office: Office) -> None:
    """A reason that overrode the verdict holds for the signature alone."""
    record = office.close("HOLD", verdict=judged("HOLD"))
    office.sign(record, override="the board decided")
    assert refusal(office) == "the verdict is HOLD, not GO"


def test_what_can_never_stand_for_production_lets_nothing_in(office: Office) -> None:
    """A rehearsal, whoever signed it."""
    record = office.close(simulated=True)
    office.sign(record, target=Environment.STAGING)
    assert "it is simulated" in refusal(office)


def test_a_changed_record_lets_nothing_in(office: Office) -> None:
    """Its page was edited after it was signed."""
    record = signed(office)
    (record / "record.html").write_bytes(b"")
    assert refusal(office).startswith("record.html was changed")


def test_a_broken_sign_off_lets_nothing_in(office: Office) -> None:
    """A later one that is whole does not mend it."""
    record = signed(office)
    office.sign(record, by=BOB)
    (record / "signoff-1.json.sig").write_bytes(b"")
    assert refusal(office).startswith(f"signoff-1.json.sig: it is not signed by {ADA}")


@pytest.mark.parametrize("decision", ["no-go", "hold", "rollback"])
def test_a_later_decision_takes_go_back(office: Office, decision: str) -> None:
    """The last one that decides something counts."""
    office.sign(signed(office), by=BOB, decision=decision)
    assert refusal(office) == f'signoff-2.json of {BOB} says "{decision}"'


def test_a_later_go_holds_again(office: Office) -> None:
    """After somebody took it back."""
    record = signed(office)
    office.sign(record, by=BOB, decision="no-go")
    office.sign(record)
    assert ask(office).signoff == "signoff-3.json"


def test_a_later_review_decides_nothing(office: Office) -> None:
    """The "go" before it stands."""
    office.sign(signed(office), by=BOB, decision="reviewed")
    assert ask(office).signoff == "signoff-1.json"


def test_a_review_alone_lets_nothing_in(office: Office) -> None:
    """Nobody decided anything."""
    office.sign(office.close(), decision="reviewed")
    assert refusal(office) == 'no sign-off says "go"'


def test_a_go_for_staging_lets_nothing_into_production(office: Office) -> None:
    """It names what it is meant for."""
    office.sign(office.close(), target=Environment.STAGING)
    assert refusal(office) == f'signoff-1.json of {ADA} says "go" for staging alone'


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("revision", "the application's revision is"),
        ("migrations_sha256", "the migrations are"),
        ("criteria_sha256", "criteria, surveys, checks, checklist and rollout.toml are"),
    ],
)
def test_what_is_deployed_is_what_was_judged(office: Office, key: str, name: str) -> None:
    """Both are named by the beginning of their hashes."""
    signed(office)
    there = SUBJECT[key][:12]
    assert (
        refusal(office, None, **{key: "ab" * 20}) == f"{name} {there} there, and abababababab here"
    )


def test_a_subject_that_nobody_knows_is_not_the_same(office: Office) -> None:
    """Unknown there and unknown here is no proof."""
    nothing = dict.fromkeys(SUBJECT, "")
    signed(office, provenance=of(Subject(deployment="", migrations={}, **nothing)))
    assert refusal(office, None, **nothing).count("unknown there, and unknown here") == 3


def test_a_record_without_a_subject_lets_nothing_in(office: Office) -> None:
    """Nobody knows what it judged."""
    signed(office, provenance=of(None))
    assert refusal(office).count("unknown there") == 3


@pytest.mark.parametrize("label", ["ROLLED-BACK", "ROLLBACK-FAILED"])
def test_a_rollback_since_then_lets_nothing_in(office: Office, label: str) -> None:
    """Whether it succeeded or not."""
    signed(office)
    later = office.close(label, started_at=at(5), kind=Kind.ROLLBACK, verdict=None)
    assert refusal(office) == f"staging was rolled back since: {later.name}"


def test_a_rollback_that_goes_on_lets_nothing_in(office: Office) -> None:
    """Nobody knows how it ends."""
    signed(office)
    head = worth_signing().having(kind=Kind.ROLLBACK, started_at=at(5), verdict=None)
    running = RunningRecord.open(office.archive, head)
    assert refusal(office).endswith(f"since: {running.directory.name} (not finished)")
    running.abandon()


def test_a_rollback_before_it_is_over(office: Office) -> None:
    """The gate was run after it."""
    office.close("ROLLED-BACK", started_at=at(-60), kind=Kind.ROLLBACK, verdict=None)
    record = signed(office)
    assert ask(office).record == record


def test_a_rollback_in_the_same_second_may_have_come_later(office: Office) -> None:
    """Nobody can know, so nothing is let in."""
    moment = at(0)
    signed(office, started_at=moment)
    office.close("ROLLED-BACK", started_at=moment, kind=Kind.ROLLBACK, verdict=None)
    assert "staging was rolled back since" in refusal(office)


@pytest.mark.parametrize("verdict", ["NO-GO", "ROLLBACK"])
def test_a_worse_verdict_since_then_lets_nothing_in(office: Office, verdict: str) -> None:
    """It is named with its record."""
    signed(office)
    later = office.close(verdict, verdict=judged(verdict), started_at=at(5))
    assert refusal(office) == f"a later gate of staging says {verdict}: {later.name}"


@pytest.mark.parametrize("verdict", ["GO", "HOLD"])
def test_a_later_look_at_the_same_soak_hinders_nothing(office: Office, verdict: str) -> None:
    """It goes on being looked at; a HOLD is no NO-GO."""
    record = signed(office)
    office.close(verdict, verdict=judged(verdict), started_at=at(5))
    assert ask(office).record == record


def test_a_final_report_of_a_bad_soak_is_no_gate_of_it(office: Office) -> None:
    """A gate's record had its verdict already."""
    record = signed(office)
    office.close("SUMMARY", kind=Kind.SUMMARY, verdict=judged("NO-GO"), started_at=at(5))
    assert ask(office).record == record


def test_a_later_record_that_is_gone_lets_nothing_in(office: Office) -> None:
    """It may have said NO-GO."""
    signed(office)
    later = office.close("NO-GO", verdict=judged("NO-GO"), started_at=at(5))
    shutil.rmtree(later)
    assert refusal(office) == (
        f"a later gate of staging says NO-GO: {later.name}; "
        f"chain of staging: {later.name} is missing"
    )


def test_a_record_that_its_own_chain_does_not_list_lets_nothing_in(office: Office) -> None:
    """Taking it out of the chain does not hide what came later."""
    record = signed(office)
    later = office.close("NO-GO", verdict=judged("NO-GO"), started_at=at(5))
    shutil.rmtree(later)
    chain = record.parent / "chain.sha256"
    lines = chain.read_text(encoding="utf-8").splitlines(keepends=True)
    chain.write_text("".join(one for one in lines if record.name not in one), encoding="utf-8")
    told = "chain.sha256 beside it does not list it: it was put there from elsewhere"
    assert told in refusal(office, record)


def test_all_that_speaks_against_it_is_told_at_once(office: Office) -> None:
    """The reasons stand in one line."""
    record = office.close("HOLD", verdict=judged("HOLD"))
    told = refusal(office, record, revision="ab")
    assert told == (
        "the verdict is HOLD, not GO; it is not signed; "
        "the application's revision is 9f9f9f9f9f9f there, and ab here"
    )


def of_members(*names: str) -> Provenance:
    """What was judged, of a fleet's databases."""
    members = tuple(Member(name=name, connection="", database=IDENTITY) for name in names)
    return provenance(subject=worth_signing().subject, database=None, members=members)


@pytest.mark.parametrize(
    ("judged_there", "named_here", "why"),
    [
        (("a", "b"), ("b", "a"), ""),
        (("a", "b"), ("a",), "it judged a, b, and rollout.toml names a"),
        (("a",), ("a", "b"), "it judged a, and rollout.toml names a, b"),
        (("a",), (), "it judged a, and rollout.toml names one database"),
        ((), ("a",), "it judged one database, and rollout.toml names a"),
    ],
)
def test_a_record_admits_the_databases_that_it_judged(
    office: Office, judged_there: tuple[str, ...], named_here: tuple[str, ...], why: str
) -> None:
    """A member that came or went since is another fleet; one database is none."""
    signed(office, **({"provenance": of_members(*judged_there)} if judged_there else {}))
    asked = office.asked(members=named_here)
    if not why:
        assert find_permission(office.archive, asked).signoff == "signoff-1.json"
        return
    with pytest.raises(SigningError) as refused:
        find_permission(office.archive, asked)
    assert refused.value.problem.endswith(why)
