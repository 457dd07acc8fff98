"""The permission to deploy to production: a signed GO of staging, in an archive that is whole.

What `verify_record --all` would reject lets nothing in: the same function answers both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from gonogo import __version__
from gonogo.config.admission import AdmissionConfig
from gonogo.config.environments import PinnedConfig
from gonogo.errors import RecordError, SigningError
from gonogo.model.kinds import Decision, Environment, Kind
from gonogo.model.record import Record
from gonogo.record.canonical import Anchor, heads, read_record
from gonogo.record.files import moment_of, named
from gonogo.record.listing import RUNNING
from gonogo.report.text import span
from gonogo.screen import command
from gonogo.signing import ssh
from gonogo.signing.admission import against, never_for_production, other_members
from gonogo.signing.chain import Report, in_order
from gonogo.signing.integrity import Closed, open_closed
from gonogo.signing.signoffs import Decided, decisions, people, read, said_at, standing
from gonogo.signing.verification import verify_archive

SUBJECT = {
    "revision": "the application's revision is",
    "migrations_sha256": "the migrations are",
    "criteria_sha256": "criteria, surveys, checks, checklist and rollout.toml are",
}
SHORT, MOST_PROBLEMS = 12, 8
# What a later record's name in the chain says: its file may say something else by now.
JUDGED_WORSE = frozenset({"NO-GO", "ROLLBACK"})
ROLLED_BACK = frozenset({"ROLLED-BACK", "ROLLBACK-FAILED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a deployment to production asks of staging's record.

    Args:
        allowed_signers: Who may sign.
        templates_dir: The templates of the records' pages.
        subject: What is to be deployed: revision, migrations_sha256, criteria_sha256.
        rules: What rollout.toml asks beside a signed GO.
        pinned: Which database and application staging is.
        members: The names of staging's databases, where it is a fleet.
        deployer: Who deploys.
        anchors: Heads of the archive's chains that are kept elsewhere.
    """

    allowed_signers: Path
    templates_dir: Path
    subject: Mapping[str, str]
    rules: AdmissionConfig
    pinned: PinnedConfig
    members: Sequence[str] = ()
    deployer: str = ""
    anchors: Sequence[Anchor] = ()


@dataclass(frozen=True, slots=True)
class Permission:
    """A signed GO record of staging.

    Args:
        record: Its directory.
        signoff: The name of the last sign-off that says "go".
        line: The same in a sentence.
        evidence: The same as figures and names.
    """

    record: Path
    signoff: str
    line: str
    evidence: Mapping[str, str]


def find_permission(
    archive_dir: Path, asked: Asked, staging_record: Path | None = None
) -> Permission:
    """Find the record that lets a deployment into production.

    Args:
        archive_dir: The archive.
        asked: What is asked of the record.
        staging_record: The record, in this archive or in one that goes on from it; None takes the
            newest of staging that is signed.

    Raises:
        UsageError: `staging_record` is no record.
        SigningError: There is none, or it does not hold, and which of its conditions.
    """
    if staging_record:
        open_closed(staging_record)
    archive = staging_record.parent.parent if staging_record else archive_dir
    reports = _proved(archive_dir, archive, asked)
    proved = {one.directory: one for one in reports}
    place = archive / Environment.STAGING
    order = in_order(place)
    there = [proved[place / name] for name in order if place / name in proved]
    report = proved.get(staging_record) if staging_record else _newest_signed(there)
    rest = (one for one in reports if one is not report)
    others = [f"{one.title}: {problem}" for one in rest for problem in one.problems]
    if report is None or report.closed is None:
        raise SigningError(_joined(others) if others else _nothing(archive_dir, there))
    problems = [
        *report.problems,
        *_unfit(report.closed, asked.rules.go_valid_days),
        *_unsigned(report, asked),
        *_other(report.closed.record, asked),
        *other_members(report.closed.record, asked.members),
        *_overtaken(report.directory, order, proved),
        *others,
    ]
    if problems:
        raise SigningError(f"{report.title}: {_joined(problems)}")
    return _permission(report.closed, standing(decisions(report.signoffs)))


def _proved(archive_dir: Path, archive: Path, asked: Asked) -> list[Report]:
    """The proof of the archive, and of the one that holds the record, which must go on from it."""
    prove = partial(
        verify_archive, allowed_signers=asked.allowed_signers, templates_dir=asked.templates_dir
    )
    if not archive_dir.is_dir() or archive.samefile(archive_dir):
        return list(prove(archive, anchors=asked.anchors))
    there = [one for one in asked.anchors if one.environment == Environment.STAGING]
    is_here = (archive_dir / Environment.STAGING).is_dir()
    own = asked.anchors if is_here else [one for one in asked.anchors if one not in there]
    if head := heads(archive_dir).get(Environment.STAGING):
        there.append(Anchor(f"the archive {archive_dir}", Environment.STAGING, head))
    return [*prove(archive_dir, anchors=own), *prove(archive, anchors=there)]


def _joined(problems: Sequence[str]) -> str:
    more = len(problems) - MOST_PROBLEMS
    left = [f"{more} more, which {command('verify_record', '--all')} lists"] if more > 0 else []
    return "; ".join([*problems[:MOST_PROBLEMS], *left])


def _newest_signed(reports: Sequence[Report]) -> Report | None:
    signed = (one for one in reversed(reports) if one.signoffs and _kind(one) is Kind.GATE)
    return next(signed, None)


def _nothing(archive_dir: Path, reports: Sequence[Report]) -> str:
    if not archive_dir.is_dir():
        return f"there is no archive {archive_dir}, where archive_dir in rollout.toml says"
    if any(_kind(one) is Kind.GATE for one in reports):
        return f"no gate record of staging in {archive_dir} is signed"
    return f"there is no gate record of staging in {archive_dir}"


def _kind(report: Report | None) -> Kind | None:
    record = report.closed.record if report and report.closed else None
    return record.kind if record else None


def _unfit(closed: Closed, days: int) -> Iterator[str]:
    """Why this record, whoever signed it, is no GO of staging."""
    record = closed.record
    if record is None:
        return
    if record.environment is not Environment.STAGING:
        yield f"it is a record of {record.environment}, not of staging"
    elif closed.directory.parent.name != Environment.STAGING:
        yield (
            f"it lies in {closed.directory.parent.name}/, not in staging/ of an archive: a copy of "
            "one record alone does not show what was decided since"
        )
    if record.kind is not Kind.GATE:
        yield f"it is a {record.kind}'s record, not a gate's"
    if not record.is_whole:
        yield "its run was aborted"
    yield from against(record, Decision.GO)
    yield from never_for_production(record)
    age = datetime.now(UTC) - (record.finished_at or record.started_at)
    if age > timedelta(days=days):
        yield f"it is {span(int(age.total_seconds()))} old, and a GO is valid for {days} d"
    if record.gonogo.split(".")[:2] != __version__.split(".")[:2]:
        yield (
            f"gonogo {record.gonogo or 'of an unknown version'} judged it, and this is "
            f"{__version__}: another minor version may judge otherwise, so judge with this one"
        )


def _other(record: Record | None, asked: Asked) -> Iterator[str]:
    """What it judged that is not what is to be deployed, or not rollout.toml's staging."""
    subject, told = (record.subject, record.provenance) if record else (None, None)
    for key, what in SUBJECT.items():
        judged, here = str(getattr(subject, key, "")), asked.subject[key]
        if judged != here or not judged:
            there = judged[:SHORT] or "unknown"
            yield f"{what} {there} there, and {here[:SHORT] or 'unknown'} here"
    database, pinned = told and told.database, asked.pinned
    for what, wanted, seen in (
        ("system identifier", pinned.system_identifier, database and database.system_identifier),
        ("database", pinned.database, database and database.database),
        ("address", pinned.base_url, told and told.base_url),
    ):
        if wanted and (seen or "").rstrip("/") != wanted.rstrip("/"):
            yield f"its {what} is {seen or 'unknown'}, and rollout.toml pins {wanted} for staging"


def _unsigned(report: Report, asked: Asked) -> Iterator[str]:
    """Why the sign-offs do not say "go", or not by those who must."""
    decided, rules = decisions(report.signoffs), asked.rules
    go = standing(decided)
    if not report.signoffs:
        yield "it is not signed"
    elif not decided:
        yield 'no sign-off says "go"'
    elif not go:
        last = decided[-1][1]
        where = f" for {last.target} alone" if last.decision is Decision.GO else ""
        yield f'{last.name} of {last.by} says "{last.decision}"{where}'
    elif (signers := people(go)) < rules.signers:
        yield f'{signers} of the {rules.signers} people that rollout.toml asks for signed "go"'
    if rules.signer_is_not_deployer:
        yield from _by_the_deployer(report, go, asked)


def _by_the_deployer(report: Report, go: Iterable[Decided], asked: Asked) -> Iterator[str]:
    """Which of them deploys: by name, with or without what follows its @, or by the key."""
    deployer = asked.deployer.casefold()
    for check, said in go:
        by = said.by.casefold()
        if deployer in {by, by.partition("@")[0]} or _has_key(report.directory / check.name, asked):
            yield f'{said.by} signed "go", and deploys as {asked.deployer}: that takes two people'


def _has_key(signoff: Path, asked: Asked) -> bool:
    """Whether the key that signed is listed as who deploys, too."""
    content, signature = signoff.read_bytes(), signoff.with_name(f"{signoff.name}.sig")
    try:
        at = read(content).signed_at
        ssh.verify(content, signature.read_bytes(), asked.deployer, asked.allowed_signers, at)
    except (SigningError, OSError, ValueError):
        return False
    return True


def _overtaken(
    directory: Path, order: Sequence[str], proved: Mapping[Path, Report]
) -> Iterator[str]:
    """What happened in staging since then, by the chain: a file may say something else by now."""
    name, place = directory.name, directory.parent
    for later in order[order.index(name) + 1 :] if name in order else ():
        label = later.rpartition("_")[2]
        if label in ROLLED_BACK or _kind(proved.get(place / later)) is Kind.ROLLBACK:
            yield f"staging was rolled back since: {later}"
        elif label in JUDGED_WORSE:
            yield f"a later gate of staging says {label}: {later}"
        elif place / later in proved:
            yield from _withdrawn(proved[place / later])
    since = moment_of(name.partition("_")[0].partition("-")[0])
    for running, match in named(place):
        if match["label"] == RUNNING and moment_of(match["moment"]) >= since:
            yield from _begun(running)


def _withdrawn(report: Report) -> Iterator[str]:
    """What a person decided on a later record, other than "go"."""
    if decided := decisions(report.signoffs):
        last = decided[-1][1]
        if last.decision is not Decision.GO:
            yield f'{last.by} signed "{last.decision}" on a later record: {report.title}'


def _begun(running: Path) -> Iterator[str]:
    try:
        if read_record(running).kind is Kind.ROLLBACK:
            yield f"staging was rolled back since: {running.name} (not finished)"
    except RecordError as error:
        yield f"nobody knows what was begun since: {error.problem}"


def _permission(closed: Closed, go: Sequence[Decided]) -> Permission:
    (check, last), names = go[-1], " and ".join(said.by for _, said in go)
    return Permission(
        closed.directory,
        check.name,
        f'{closed.name}, signed "go" by {names}, {said_at(last.signed_at)}',
        {
            "record": closed.name,
            "record_sha256": closed.hashes["record.json"],
            "signoff": check.name,
            "signoff_sha256": check.sha256,
            "by": names,
            "key": check.fingerprint,
            "signed_at": said_at(last.signed_at),
        },
    )
