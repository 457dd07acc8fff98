"""Signing a record: nothing of it changes, a sign-off is put beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gonogo.errors import SigningError, UsageError
from gonogo.model import Environment
from gonogo.record.canonical import sha256_hex
from gonogo.record.files import settle, told_plainly, write_whole
from gonogo.record.locking import archive_lock, directory_lock
from gonogo.record.manifest import CHAIN, append_to_chain, is_chained
from gonogo.record.text import cut, visible
from gonogo.signing import ssh
from gonogo.signing.checking import Checked, check_signoffs, contradictions, numbers_in
from gonogo.signing.document import MOST_CHARACTERS, Attestation, Decision, Link, SignOff
from gonogo.signing.integrity import Closed, open_closed
from gonogo.signing.keys import chosen_key
from gonogo.signing.refusals import against, never_for_production

TRIES = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What a person wants to sign.

    Args:
        directory: The record.
        decision: What they decide.
        by: Who they are: a principal of `allowed_signers`.
        allowed_signers: Who may sign.
        environ: The session's variables; they name the agent.
        target: Where "go" is meant for.
        attest: Ids of checklist items that they tick.
        override: Why they decide against the verdict.
        key: What signs: a file, or a public key as text; None finds one.
    """

    directory: Path
    decision: Decision
    by: str
    allowed_signers: Path
    environ: Mapping[str, str]
    target: Environment = Environment.PRODUCTION
    attest: Sequence[str] = ()
    override: str | None = None
    key: str | None = None


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


def examine(directory: Path, allowed_signers: Path) -> tuple[Closed, tuple[Checked, ...]]:
    """A record that may be signed, and its sign-offs so far.

    Args:
        directory: The record.
        allowed_signers: Who may sign.

    Raises:
        UsageError: There is no record.
        SigningError: It goes on, was aborted, was changed, or an earlier sign-off is broken.
    """
    ssh.require_program()
    ssh.require_signers(allowed_signers)
    closed = open_closed(directory)
    if closed.document.get("state") == "aborted":
        raise SigningError(f"the run of {closed.name} was aborted, so it decides nothing")
    checked = check_signoffs(closed, allowed_signers)
    problems = [*closed.problems, *(one for check in checked for one in check.problems)]
    if problems:
        raise SigningError(
            f"{closed.name} is not as it was: {'; '.join(problems)}",
            "it is not signed; nox -s verify_record tells all that is wrong",
        )
    return closed, checked


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


def require_allowed(document: Mapping[str, Any], request: Request) -> None:
    """See that the record allows the decision, or that a reason overrides it.

    Args:
        document: The record.
        request: What is asked.

    Raises:
        SigningError: It does not.
        UsageError: The reason is empty, or "go" is meant for where this record says nothing of.
    """
    if request.override is not None and not request.override.strip():
        raise UsageError("--override needs a reason")
    for option, text in (("--by", request.by), ("--override", request.override or "-")):
        if not text.strip() or len(text) > MOST_CHARACTERS or visible(text) != text:
            raise UsageError(f"{option} {cut(text, 40)!r}: not so", "write one line of plain text")
    if request.decision is not Decision.GO:
        return
    production = Environment.PRODUCTION
    if document.get("environment") == production and request.target is not production:
        raise UsageError("a record of production says nothing of staging")
    if request.target is production and (never := tuple(never_for_production(document))):
        raise SigningError(
            f'it cannot be signed "go" for production: {"; ".join(never)}',
            "run the gate anew, on the database itself, with everything asked",
        )
    reasons = tuple(against(document, request.decision))
    if reasons and request.override is None:
        problem = f'it cannot be signed "go": {"; ".join(reasons)}'
        raise SigningError(problem, 'sign it with --override "reason", which is recorded')


def attestable(document: Mapping[str, Any], state: str | None = None) -> dict[str, str]:
    """The items that a person may tick on a record: text by id.

    Args:
        document: The record.
        state: Only those that it says are in this state; None takes all.
    """
    return {
        item["id"]: item["text"]
        for phase in document.get("checklist") or []
        for item in phase["items"]
        if item["how"] == "attested" and state in {None, item["state"]}
    }


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
