"""Signing a record: nothing of it changes, a sign-off is put beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import SigningError, UsageError
from gonogo.record.canonical import sha256_hex
from gonogo.record.files import settle, told_plainly, write_whole
from gonogo.record.locking import archive_lock, directory_lock
from gonogo.record.manifest import CHAIN, append_to_chain, is_chained
from gonogo.signing import ssh
from gonogo.signing.admission import Request, attestable, examine, require_allowed
from gonogo.signing.checking import Checked, contradictions, numbers_in
from gonogo.signing.document import Attestation, Decision, Link, SignOff
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
    closed, checked = examine(request.directory, request.allowed_signers)
    require_allowed(closed.document, request)
    with chosen_key(request.key, request.allowed_signers, request.environ) as key:
        for _ in range(TRIES):
            if done := _signed(request, closed, checked, key):
                return done
            # Somebody else signed meanwhile: theirs is now the one before ours.
            closed, checked = examine(request.directory, request.allowed_signers)
    raise SigningError(f"others keep signing {closed.name}", "try again")


def _attested(document: Mapping[str, Any], ids: Sequence[str]) -> tuple[Attestation, ...]:
    items = attestable(document)
    for name in ids:
        if name not in items:
            known = ", ".join(items) or "none"
            raise UsageError(f"--attest {name}: no such item is a person's", f"there are {known}")
    return tuple(Attestation(id=name, text=items[name]) for name in dict.fromkeys(ids))


def _signed(
    request: Request, closed: Closed, checked: Sequence[Checked], key: Path
) -> Signed | None:
    """The sign-off; None when somebody else took its number meanwhile."""
    signoff = _written(request, closed, checked)
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


def _written(request: Request, closed: Closed, checked: Sequence[Checked]) -> SignOff:
    before, document = checked[-1] if checked else None, closed.document
    verdict = document.get("verdict")
    return SignOff(
        number=len(checked) + 1,
        record=closed.name,
        environment=document["environment"],
        verdict=verdict["kind"] if verdict else None,
        decision=request.decision,
        target=request.target if request.decision is Decision.GO else None,
        by=request.by,
        signed_at=datetime.now(UTC).replace(microsecond=0),
        attested=_attested(document, request.attest),
        override=request.override,
        files=dict(closed.hashes),
        previous=_link(before) if before else None,
    )
