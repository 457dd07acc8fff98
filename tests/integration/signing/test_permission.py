"""May it go into production? Each condition of the signed GO record of staging, one by one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Environment, Kind
from gonogo.model.measurement import clip
from gonogo.model.step import Subject
from gonogo.record.archive import RunningRecord
from gonogo.record.canonical import CHAIN
from gonogo.signing.permission import Permission, find_permission
from record_examples import HOUR, START, provenance
from signers import ADA, BOB, SUBJECT, Office, public, verdict, worth_signing

pytestmark = pytest.mark.ssh
Json = dict[str, Any]


def ask(office: Office, record: Path | None = None, wanted: Json | None = None) -> Permission:
    """Ask for what was judged, unless the test asks otherwise."""
    return find_permission(office.archive, office.asked(subject=wanted or {}), record)


def later() -> datetime:
    """A moment after every record that was closed so far."""
    return datetime.now(UTC) + timedelta(seconds=5)


def test_the_signed_go_of_staging_lets_it_in(office: Office) -> None:
    """It is named with who signed it, when and by which key."""
    record = office.close()
    office.sign(record)
    found = ask(office)
    assert found.record == record
    assert f'signed "go" by {ADA}' in found.line
    assert found.evidence["key"].startswith("SHA256:")
    assert ask(office, record).line == found.line


def test_an_archive_from_elsewhere_can_be_named(office: Office, tmp_path: Path) -> None:
    """An artefact of CI: the whole archive, which was moved."""
    record = office.close()
    office.sign(record)
    office.archive.rename(tmp_path / "artefact")
    assert ask(office, tmp_path / "artefact" / "staging" / record.name).signoff == "signoff-1.json"


def test_the_newest_signed_one_counts_and_later_unsigned_ones_do_not_hinder(office: Office) -> None:
    """The soak goes on being looked at after the decision; a HOLD of these is no NO-GO."""
    record = office.close()
    office.sign(record)
    office.close("HOLD", verdict=verdict("HOLD"), started_at=later())
    office.close(started_at=later())
    assert ask(office).record == record


def unsigned(office: Office) -> None:
    """Nobody signed it."""
    office.close()


def empty(office: Office) -> None:
    """There is no record of staging; one of production does not count."""
    office.sign(office.close(environment="production"))


def withdrawn(office: Office) -> None:
    """A later sign-off says no."""
    record = office.close()
    office.sign(record)
    office.sign(record, by=BOB, decision="no-go")


def only_reviewed(office: Office) -> None:
    """Somebody looked at it, and decided nothing."""
    office.sign(office.close(), decision="reviewed")


def for_staging(office: Office) -> None:
    """The "go" is for staging alone."""
    office.sign(office.close(), target=Environment.STAGING)


def overridden(office: Office) -> None:
    """A HOLD that was signed "go" for a reason is no GO."""
    record = office.close("HOLD", verdict=verdict("HOLD"))
    office.sign(record, override="the board decided")


def short(office: Office) -> None:
    """A window of an hour, signed for a reason."""
    window = clip(HOUR, START + 48 * HOUR, START)
    office.sign(office.close(window=window), override="in a hurry")


def changed(office: Office) -> None:
    """A byte of its page is another."""
    record = office.close()
    office.sign(record)
    with (record / "record.html").open("ab") as page:
        page.write(b" ")


def forged(office: Office) -> None:
    """The sign-off was edited."""
    record = office.close()
    office.sign(record, decision="no-go")
    path = record / "signoff-1.json"
    path.write_bytes(path.read_bytes().replace(b'"no-go"', b'"go"', 1))


def rolled_back(office: Office) -> None:
    """Staging was rolled back since."""
    office.sign(office.close())
    office.close("ROLLED-BACK", started_at=later(), kind=Kind.ROLLBACK, verdict=None)


def being_rolled_back(office: Office) -> None:
    """A rollback of staging was begun since, and nobody knows how it ended."""
    office.sign(office.close())
    head = worth_signing().having(kind=Kind.ROLLBACK, started_at=later(), verdict=None)
    RunningRecord.open(office.archive, head).abandon()


def worse_since(office: Office) -> None:
    """A later gate of staging says NO-GO."""
    office.sign(office.close())
    office.close("NO-GO", verdict=verdict("NO-GO"), started_at=later())


def hidden(office: Office) -> None:
    """The record of a later gate that said NO-GO was removed."""
    office.sign(office.close())
    shutil.rmtree(office.close("NO-GO", verdict=verdict("NO-GO"), started_at=later()))


def whitewashed(office: Office) -> None:
    """The record of a later gate that said NO-GO says GO now."""
    office.sign(office.close())
    worse = office.close("NO-GO", verdict=verdict("NO-GO"), started_at=later())
    file = worse / "record.json"
    file.write_bytes(file.read_bytes().replace(b'"kind":"NO-GO"', b'"kind":"GO"'))


def replaced(office: Office) -> None:
    """It was removed, and an aborted run of that moment put in its place."""
    hidden(office)
    (gone,) = set(listed(office)) - {one.name for one in (office.archive / "staging").iterdir()}
    moment = f"{gone.partition('_')[0]}_RUNNING"
    (office.archive / "staging" / moment).mkdir()


def listed(office: Office) -> list[str]:
    """The records that the chain lists."""
    lines = (office.archive / "staging" / CHAIN).read_text(encoding="utf-8").splitlines()
    return [line.split()[1].partition("/")[0] for line in lines]


@pytest.mark.parametrize(
    ("arrange", "wanted", "said"),
    [
        (unsigned, {}, "no gate record of staging in .* is signed"),
        (empty, {}, "there is no gate record of staging"),
        (withdrawn, {}, f'signoff-2.json of {BOB} says "no-go"'),
        (only_reviewed, {}, 'no sign-off says "go"'),
        (for_staging, {}, 'says "go" for staging alone'),
        (overridden, {}, "the verdict is HOLD, not GO"),
        (short, {}, "its window is 1 h, and staging is judged over 48 h"),
        (changed, {}, "record.html was changed"),
        (forged, {}, "signoff-1.json"),
        (rolled_back, {}, "staging was rolled back since: .*_ROLLED-BACK"),
        (being_rolled_back, {}, r"staging was rolled back since: .*_RUNNING \(not finished\)"),
        (worse_since, {}, "a later gate of staging says NO-GO"),
        (hidden, {}, "a later gate of staging says NO-GO: .*_NO-GO is missing"),
        (whitewashed, {}, "a later gate of staging says NO-GO: .* record.json was changed"),
        (replaced, {}, "a later gate of staging says NO-GO: .*_NO-GO is missing"),
        (None, {"revision": "ab" * 20}, "revision is 9f9f9f9f9f9f there, and abababababab here"),
        (
            None,
            {"migrations_sha256": "cd" * 32},
            "migrations are 5b5b.* there, and cdcd.* here",
        ),
        (None, {"criteria_sha256": "ef" * 32}, "rollout.toml are 4a4a.* there, and efef.* here"),
    ],
)
def test_what_does_not_hold_is_told(
    office: Office,
    arrange: Callable[[Office], None] | None,
    wanted: Json,
    said: str,
) -> None:
    """In one line, which of the conditions it is."""
    if arrange:
        arrange(office)
    else:
        office.sign(office.close())
    with pytest.raises(SigningError, match=said) as refused:
        ask(office, wanted=wanted)
    assert "\n" not in str(refused.value)


def test_a_record_whose_subject_nobody_knows_lets_nothing_in(office: Office) -> None:
    """What is unknown there and unknown here is not the same."""
    nothing = dict.fromkeys(SUBJECT, "")
    nobody_knows = provenance(subject=Subject(deployment="", migrations={}, **nothing))
    office.sign(office.close(provenance=nobody_knows))
    with pytest.raises(SigningError, match="revision is unknown there, and unknown here"):
        ask(office, wanted=nothing)


def test_a_record_of_production_or_a_wrong_path_is_refused(office: Office) -> None:
    """Named on purpose, it is refused for what it is."""
    record = office.close(environment="production")
    office.sign(record)
    with pytest.raises(SigningError, match="a record of production, not of staging"):
        ask(office, record)
    with pytest.raises(UsageError, match="is no record"):
        ask(office, office.root)


def test_a_final_report_is_no_gate(office: Office) -> None:
    """Its verdict is another record's: that one is to be signed."""
    record = office.close("SUMMARY", kind=Kind.SUMMARY)
    office.sign(record)
    with pytest.raises(SigningError, match="it is a summary's record, not a gate's"):
        ask(office, record)


def listed_as(office: Office, options: str) -> None:
    """List Ada's key in allowed_signers with these options alone."""
    line = f"{ADA} {options} {public(office.keys[ADA])}\n"
    office.allowed.write_text(line, encoding="utf-8")


def test_a_key_that_has_expired_since_it_signed_still_counts(office: Office) -> None:
    """The moment of the signature counts."""
    office.sign(office.close())
    listed_as(office, f'valid-before="{later():%Y%m%d%H%M%S}Z"')
    assert ask(office).signoff == "signoff-1.json"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('valid-before="20200101"', "the key SHA256:.* was not valid then: .*20200101|2020-01-01"),
        ('valid-after="20990101"', "was not valid then"),
        ('namespaces="git"', "for other namespaces alone: add gonogo to its namespaces"),
        ('namespace="gonogo"', "allowed_signers cannot be read: .*bad options"),
    ],
)
def test_a_key_that_may_not_sign_gets_the_true_reason(
    office: Office, options: str, said: str
) -> None:
    """Not that something was changed: nothing was."""
    office.sign(office.close())
    listed_as(office, options)
    with pytest.raises(SigningError, match=said) as refused:
        ask(office)
    assert "was changed" not in str(refused.value)


def test_an_archive_that_was_moved_gets_the_true_reason(office: Office) -> None:
    """It is not where rollout.toml says; there, it lets in as before."""
    record = office.close()
    office.sign(record)
    office.archive.rename(office.root / "moved")
    with pytest.raises(SigningError, match=r"there is no archive .*, where archive_dir in"):
        ask(office)
    office.archive.symlink_to(office.root / "moved")
    assert ask(office).record == record
