"""Signing a record: nothing of it changes, a sign-off is put beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Decision
from gonogo.model.record import Record
from gonogo.record.canonical import sha256_hex
from gonogo.record.files import archive_lock, directory_lock, settle, told_plainly, write_whole
from gonogo.record.manifest import CHAIN, append_to_chain, is_chained
from gonogo.signing import ssh
from gonogo.signing.admission import Examined, Request, attestable, examine, require_allowed
from gonogo.signing.checking import Checked, contradictions, numbers_in
from gonogo.signing.document import Attestation, Link, SignOff
from gonogo.signing.integrity import Closed
from gonogo.signing.keys import chosen_key

TRIES = 20


@dataclass(frozen=True, slots=True)
class Signed:
    """A sign-off that was made.

    Args:
        path: Its file.
        signoff: What it says.
        fingerprint: Of the key.
    """

    path: Path
    signoff: SignOff
    fingerprint: str


def sign_off(request: Request) -> Signed:
    """Sign a record.

    Args:
        request: What is signed, by whom.

    Raises:
        UsageError: There is no such record, item or key, or the decision is not this record's.
        SigningError: It cannot be signed, and why.
        GonogoError: The sign-off cannot be written.
    """
    examined = examine(request.directory, request.allowed_signers)
    require_allowed(examined.record, request)
    with chosen_key(request.key, request.allowed_signers, request.environ) as key:
        for _ in range(TRIES):
            if done := _signed(request, examined, key):
                return done
            # Somebody else signed meanwhile: theirs is now the one before ours.
            examined = examine(request.directory, request.allowed_signers)
    raise SigningError(f"others keep signing {examined.closed.name}", "try again")


def _attested(record: Record, ids: Sequence[str]) -> tuple[Attestation, ...]:
    items = attestable(record)
    for name in ids:
        if name not in items:
            known = ", ".join(items) or "none"
            raise UsageError(f"--attest {name}: no such item is a person's", f"there are {known}")
    return tuple(Attestation(id=name, text=items[name]) for name in dict.fromkeys(ids))


def _signed(request: Request, examined: Examined, key: Path) -> Signed | None:
    """The sign-off; None when somebody else took its number meanwhile."""
    closed, checked = examined.closed, examined.signoffs
    signoff = _written(request, examined)
    before = checked[-1] if checked else None
    if wrong := [*contradictions(closed, signoff, signoff.number, before)]:
        raise SigningError(f"it cannot be signed: {'; '.join(wrong)}", "check this machine's clock")
    content = signoff.written()
    signature = ssh.sign(content, key, request.environ)
    signer = ssh.verify(content, signature, request.by, request.allowed_signers, signoff.signed_at)
    path = closed.directory / signoff.name
    with told_plainly("the sign-off cannot be written"), directory_lock(closed.directory):
        if numbers_in(closed.directory) != {check.number for check in checked}:
            return None
        # Its signature first: a sign-off counts from the moment that it is there.
        write_whole(path.with_name(f"{path.name}.sig"), signature)
        write_whole(path, content)
        settle(closed.directory)
    _chain(closed, signoff)
    return Signed(path, signoff, signer)


def _chain(closed: Closed, signoff: SignOff) -> None:
    """List it beside its record, so that its removal is missed; a copy elsewhere has no chain."""
    place, name = closed.directory.parent, f"{closed.name}/{signoff.name}"
    if is_chained(place, closed.name):
        with (
            told_plainly(f"{name} is signed, but {CHAIN} cannot be written"),
            archive_lock(place.parent),
        ):
            append_to_chain(place, name, sha256_hex(signoff.written()))


def _link(before: Checked) -> Link:
    return Link(file=before.name, sha256=before.sha256, signature_sha256=before.signature_sha256)


def _written(request: Request, examined: Examined) -> SignOff:
    closed, record, checked = examined.closed, examined.record, examined.signoffs
    before = checked[-1] if checked else None
    return SignOff(
        number=len(checked) + 1,
        record=closed.name,
        environment=record.environment,
        verdict=record.verdict.kind if record.verdict else None,
        decision=request.decision,
        target=request.target if request.decision is Decision.GO else None,
        by=request.by,
        signed_at=datetime.now(UTC).replace(microsecond=0),
        attested=_attested(record, request.attest),
        override=request.override,
        files=dict(closed.hashes),
        previous=_link(before) if before else None,
    )
