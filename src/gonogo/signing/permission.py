"""The permission to deploy to production: a signed GO record of staging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import SigningError
from gonogo.model.kinds import Decision, Environment, Kind, VerdictKind
from gonogo.model.record import Record, Subject
from gonogo.record.canonical import signoff_numbers
from gonogo.record.listing import RUNNING, ArchivedRecord, list_records, moment_of
from gonogo.signing.admission import against, never_for_production
from gonogo.signing.chain import chained, unlike_since
from gonogo.signing.integrity import Closed, open_closed
from gonogo.signing.signoffs import Checked, check_signoffs, said_at

SUBJECT = {
    "revision": "the application's revision is {there} there, and {here} here",
    "migrations_sha256": "the migrations are {there} there, and {here} here",
    "criteria_sha256": "the criteria are {there} there, and {here} here",
}
SHORT = 12
BLOCKING = frozenset({VerdictKind.NO_GO, VerdictKind.ROLLBACK})


@dataclass(frozen=True, slots=True)
class Permission:
    """A signed GO record of staging.

    Args:
        record: Its directory.
        signoff: The name of the sign-off that says "go".
        line: The same in a sentence.
        evidence: The same as figures and names.
    """

    record: Path
    signoff: str
    line: str
    evidence: Mapping[str, str]


def find_permission(
    archive_dir: Path,
    allowed_signers: Path,
    wanted: Mapping[str, str],
    staging_record: Path | None = None,
) -> Permission:
    """Find the record that lets a deployment into production.

    Args:
        archive_dir: The archive.
        allowed_signers: Who may sign.
        wanted: What is to be deployed: revision, migrations_sha256, criteria_sha256.
        staging_record: The record; None takes the newest of staging that is signed.

    Raises:
        UsageError: `staging_record` is no record.
        SigningError: There is none, or it does not hold, and which of its conditions.
    """
    records = [one for one in list_records(archive_dir) if one.environment == Environment.STAGING]
    directory = staging_record or _newest_signed(records, archive_dir)
    closed = open_closed(directory)
    checked = check_signoffs(closed, allowed_signers)
    problems = [
        *(f"it is not as it was: {problem}" for problem in closed.problems),
        *(_unfit(closed.record) if closed.record else ()),
        *_unsigned(checked),
        *(_other(closed.record.subject, wanted) if closed.record else ()),
        *_overtaken(closed, records),
        *chained(closed),
        *unlike_since(closed, archive_dir / Environment.STAGING),
    ]
    if problems:
        raise SigningError(f"{closed.name}: {'; '.join(problems)}")
    go = _decisive(checked)
    return _permission(closed, go)


def _newest_signed(records: list[ArchivedRecord], archive_dir: Path) -> Path:
    gates = [one for one in records if one.kind is Kind.GATE]
    for one in gates:
        if signoff_numbers(one.directory):
            return one.directory
    if gates:
        raise SigningError(f"no gate record of staging in {archive_dir} is signed")
    raise SigningError(f"there is no gate record of staging in {archive_dir}")


def _unfit(record: Record) -> Iterator[str]:
    """Why this record, whoever signed it, is no GO of staging."""
    if record.environment is not Environment.STAGING:
        yield f"it is a record of {record.environment}, not of staging"
    if record.kind is not Kind.GATE:
        yield f"it is a {record.kind}'s record, not a gate's"
    if not record.is_whole:
        yield "its run was aborted"
    yield from against(record, Decision.GO)
    yield from never_for_production(record)


def _unsigned(checked: tuple[Checked, ...]) -> Iterator[str]:
    """Why the sign-offs do not say "go"."""
    problems = [problem for check in checked for problem in check.problems]
    if not checked:
        yield "it is not signed"
    elif problems:
        yield from problems
    elif (last := _decisive(checked)) is None or last.signoff is None:
        yield 'no sign-off says "go"'
    elif last.signoff.decision is not Decision.GO:
        yield f'{last.name} of {last.signoff.by} says "{last.signoff.decision}"'
    elif last.signoff.target is not Environment.PRODUCTION:
        yield f'{last.name} of {last.signoff.by} says "go" for {last.signoff.target} alone'


def _decisive(checked: tuple[Checked, ...]) -> Checked | None:
    """The last sign-off that decides something."""
    decided = (one for one in reversed(checked) if one.signoff)
    return next(
        (one for one in decided if one.signoff and one.signoff.decision is not Decision.REVIEWED),
        None,
    )


def _other(subject: Subject | None, wanted: Mapping[str, str]) -> Iterator[str]:
    """What it judged that is not what is to be deployed."""
    for key, sentence in SUBJECT.items():
        judged, here = str(getattr(subject, key, "")), wanted[key]
        if judged != here or not judged:
            yield sentence.format(there=judged[:SHORT] or "unknown", here=here[:SHORT] or "unknown")


def _overtaken(closed: Closed, records: list[ArchivedRecord]) -> Iterator[str]:
    """What happened in staging since then."""
    since = moment_of(closed.name.partition("_")[0].partition("-")[0])
    for one in records:
        if one.name == closed.name or one.moment < since:
            continue
        begun = " (not finished)" if one.label == RUNNING else ""
        if one.kind is Kind.ROLLBACK:
            yield f"staging was rolled back since: {one.name}{begun}"
        elif one.kind is Kind.GATE and one.verdict in BLOCKING:
            yield f"a later gate of staging says {one.verdict}: {one.name}"


def _permission(closed: Closed, go: Checked | None) -> Permission:
    if go is None or go.signoff is None:
        raise SigningError(f"{closed.name}: it is not signed")
    signed = go.signoff
    return Permission(
        closed.directory,
        go.name,
        f'{closed.name}, signed "go" by {signed.by}, {said_at(signed.signed_at)}',
        {
            "record": closed.name,
            "record_sha256": closed.hashes["record.json"],
            "signoff": go.name,
            "signoff_sha256": go.sha256,
            "by": signed.by,
            "key": go.fingerprint,
            "signed_at": said_at(signed.signed_at),
        },
    )
