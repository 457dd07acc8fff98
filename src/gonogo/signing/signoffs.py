"""Sign-offs: the form of ``signoff-N.json``, and the check of each against record and signature.

The form is canonical JSON, read as strictly as it was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gonogo.errors import SigningError
from gonogo.model.kinds import Decision, Environment, VerdictKind
from gonogo.record.canonical import (
    Head,
    canonical_json,
    read_plain,
    sha256_hex,
    signoff_names,
    signoff_numbers,
)
from gonogo.signing import ssh
from gonogo.signing.integrity import Closed

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MOST_CHARACTERS = 2000
Line = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attestation(_Part):
    """A checklist item that a person ticked, as the record printed it."""

    id: Line
    text: Line


class Link(_Part):
    """The sign-off before this one: both of its files."""

    file: Line
    sha256: Sha256
    signature_sha256: Sha256


class SignOff(_Part):
    """One sign-off.

    Args:
        format: Which form this is.
        number: The N of its name, from 1.
        record: The record's directory.
        environment: Whose record it is.
        verdict: What the record says; None for one without a verdict.
        decision: What was decided.
        target: Where "go" is meant for; None for every other decision.
        by: Who signed: a principal of ``allowed_signers``.
        signed_at: When, by the signer's clock.
        attested: The items that were ticked.
        override: Why the decision goes against the verdict; None when it does not.
        files: The sha256 of every file of the record.
        previous: The sign-off before it; None for the first.
        heads: How far each environment's chain went; the form before this one held none.
    """

    format: Literal["gonogo.signoff/1", "gonogo.signoff/2"] = "gonogo.signoff/2"
    number: Annotated[int, Field(ge=1)]
    record: Line
    environment: Line
    verdict: VerdictKind | None
    decision: Decision
    target: Environment | None
    by: Line
    signed_at: AwareDatetime
    attested: tuple[Attestation, ...]
    override: Line | None
    files: dict[str, Sha256]
    previous: Link | None
    heads: Mapping[Environment, Head] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"signoff-{self.number}.json"

    def written(self) -> bytes:
        """Its file's bytes."""
        left = {"heads"} if self.format == "gonogo.signoff/1" else None
        return canonical_json(self.model_dump(mode="json", exclude=left))


def read(content: bytes) -> SignOff:
    """Read a sign-off.

    Raises:
        ValueError: It is none, or not as it was written.
    """
    try:
        signoff = SignOff.model_validate(json.loads(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(f"is no sign-off: {where}: {first['msg'].lower()}") from None
    except (ValueError, RecursionError):
        raise ValueError("is no JSON, or is cut short") from None
    if signoff.written() != content:
        raise ValueError("is not as it was written")
    return signoff


def said_at(moment: datetime) -> str:
    """A moment for a message, in UTC whatever zone it was written in."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


# Two machines' clocks; more is a date that somebody chose.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Checked:
    """One sign-off.

    Args:
        number: The N of its name.
        signoff: What it says; None when it cannot be read.
        problems: What is wrong with it; without any it counts.
        fingerprint: Of the key that signed; empty when that is not proved.
        sha256: Of ``signoff-N.json``; empty when that cannot be read.
        signature_sha256: Of the signature beside it; likewise.
    """

    number: int
    signoff: SignOff | None
    problems: tuple[str, ...] = ()
    fingerprint: str = ""
    sha256: str = ""
    signature_sha256: str = ""

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"signoff-{self.number}.json"


def check_signoffs(closed: Closed, allowed_signers: Path) -> tuple[Checked, ...]:
    """Read and verify every sign-off of a record, in order.

    Args:
        closed: The record.
        allowed_signers: Who may sign.

    Raises:
        SigningError: ssh-keygen or `allowed_signers` is missing, so nothing can be verified.
    """
    numbers = signoff_numbers(closed.directory)
    if numbers:
        ssh.require_signers(allowed_signers)
        ssh.require_program()
    checked: list[Checked] = []
    for number in range(1, max(numbers, default=0) + 1):
        before = checked[-1] if checked else None
        checked.append(_check(closed, number, before, allowed_signers))
    return tuple(checked)


Decided = tuple[Checked, SignOff]


def decisions(signoffs: Iterable[Checked]) -> list[Decided]:
    """Those that decide something: a review does not."""
    read = ((one, one.signoff) for one in signoffs if one.signoff)
    return [(one, said) for one, said in read if said.decision is not Decision.REVIEWED]


def standing(decisions: Sequence[Decided]) -> list[Decided]:
    """Each "go" for production since the last decision that said something else."""

    def is_go(decided: Decided) -> bool:
        return decided[1].target is Environment.PRODUCTION

    return list(takewhile(is_go, reversed(decisions)))[::-1]


def people(standing: Iterable[Decided]) -> int:
    """How many people signed: one may have several keys, and one key several names."""
    people: list[set[str]] = []
    for check, said in standing:
        marks = {said.by.casefold(), check.fingerprint}
        same = [one for one in people if one & marks]
        people = [one for one in people if not one & marks] + [marks.union(*same)]
    return len(people)


def strays(directory: Path) -> Iterator[str]:
    """Signatures without a sign-off: one was removed, or was interrupted before it was there."""
    for number, end in sorted(signoff_names(directory)):
        if end and number not in signoff_numbers(directory):
            yield f"signoff-{number}.json.sig stands there without its sign-off"


def _check(closed: Closed, number: int, before: Checked | None, allowed_signers: Path) -> Checked:
    path = closed.directory / f"signoff-{number}.json"
    try:
        content = _plain(path)
        signoff = read(content)
    except OSError:
        return Checked(number, None, (f"{path.name} is missing or cannot be read",))
    except ValueError as error:
        return Checked(number, None, (f"{path.name} {error}",))
    problems = [f"{path.name}: {one}" for one in contradictions(closed, signoff, number, before)]
    signature, key = b"", ""
    try:
        signature = _plain(path.with_name(f"{path.name}.sig"))
        key = ssh.verify(content, signature, signoff.by, allowed_signers, signoff.signed_at)
    except OSError:
        problems.append(f"{path.name}.sig is missing or cannot be read")
    except SigningError as error:
        problems.append(f"{path.name}.sig: {error.problem}")
    hashes = sha256_hex(content), sha256_hex(signature)
    return Checked(number, signoff, tuple(problems), key, *hashes)


def contradictions(
    closed: Closed, signoff: SignOff, number: int, before: Checked | None
) -> Iterator[str]:
    """What a sign-off says that is not so.

    Args:
        closed: The record.
        signoff: What it says.
        number: The N of its name.
        before: The sign-off before it; None for the first.
    """
    if signoff.number != number:
        yield f"it says that it is number {signoff.number}"
    if signoff.record != closed.name:
        yield f"it is of the record {signoff.record}"
    if closed.record and signoff.environment != closed.record.environment:
        yield f"it is of a record of {signoff.environment}"
    for name in sorted(signoff.files.keys() | closed.hashes.keys()):
        then, now = signoff.files.get(name), closed.hashes.get(name)
        if then != now:
            what = "was changed" if then and now else "is missing" if then else "was added"
            yield f"{name} {what} since it was signed"
    if not _follows(signoff, before):
        yield "it does not name the sign-off before it by its hash: one was changed or removed"
    yield from _out_of_time(closed, signoff, before)


def _follows(signoff: SignOff, before: Checked | None) -> bool:
    if before is None or signoff.previous is None:
        return before is None and signoff.previous is None
    named = signoff.previous
    link = (named.file, named.sha256, named.signature_sha256)
    return link == (before.name, before.sha256, before.signature_sha256)


def _out_of_time(closed: Closed, signoff: SignOff, before: Checked | None) -> Iterator[str]:
    """A date before the record was there is how a key that is valid no longer would still sign."""
    at = signoff.signed_at
    closed_at = closed.record.finished_at if closed.record else None
    if closed_at and at < closed_at - CLOCK_TOLERANCE:
        yield f"it was signed at {said_at(at)}, before the record was closed"
    if before and before.signoff and at < before.signoff.signed_at - CLOCK_TOLERANCE:
        yield f"it was signed at {said_at(at)}, before the sign-off before it"
    if at > datetime.now(UTC) + CLOCK_TOLERANCE:
        yield f"it was signed at {said_at(at)}, which is yet to come"


def _plain(path: Path) -> bytes:
    if path.is_symlink():
        raise OSError(f"{path} is no plain file")
    return read_plain(path)
