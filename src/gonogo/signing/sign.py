"""Signing a record, with a key that may sign: a sign-off is put beside it, and it never changes.

``signatures.html`` shows the sign-offs of a record to people, made anew with each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Decision, Environment
from gonogo.model.record import Record
from gonogo.record.canonical import (
    CHAIN,
    SIGNATURES_PAGE,
    Head,
    append_to_chain,
    heads,
    is_chained,
    sha256_hex,
    signoff_numbers,
)
from gonogo.record.files import archive_lock, directory_lock, refusal_explained, settle, write_whole
from gonogo.report import html, index
from gonogo.signing import ssh
from gonogo.signing.admission import Examined, Request, attestable, examine, require_allowed
from gonogo.signing.integrity import Closed, open_closed
from gonogo.signing.signoffs import Attestation, Checked, Link, SignOff, contradictions, read

TRIES = 20
LITERAL = "key::"


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
    with refusal_explained("the sign-off cannot be written"), directory_lock(closed.directory):
        if signoff_numbers(closed.directory) != {check.number for check in checked}:
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
            refusal_explained(f"{name} is signed, but {CHAIN} cannot be written"),
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
        heads=_heads(closed),
    )


def _heads(closed: Closed) -> dict[Environment, Head]:
    """How far each chain of the archive went; a copy elsewhere has none."""
    place = closed.directory.parent
    if not is_chained(place, closed.name):
        return {}
    with refusal_explained("the chains cannot be read"), archive_lock(place.parent):
        return heads(place.parent)


@contextmanager
def chosen_key(
    option: str | None, allowed_signers: Path, environ: Mapping[str, str]
) -> Iterator[Path]:
    """The key to sign with, as a file that ssh-keygen takes.

    Args:
        option: What ``--key`` was given: a file, or a public key as text.
        allowed_signers: Which keys may sign.
        environ: Names the agent, and the home directory.

    Raises:
        UsageError: The file that was named is not there.
        SigningError: There is no key, or none that may sign.
    """
    named = _named(option, "--key") if option else _git_key(environ)
    one = named or _first_allowed(allowed_signers, environ)
    if one.path:
        yield one.path
        return
    with ssh.scratch() as directory:
        yield ssh.put(directory / "key.pub", f"{one.line}\n".encode())


def _named(text: str, where: str) -> ssh.Candidate:
    literal = text.removeprefix(LITERAL)
    if match := ssh.PUBLIC.match(literal):
        return ssh.Candidate(match[2], line=match[0])
    path = Path(text).expanduser()
    if not path.is_file():
        raise UsageError(f"{where} names {path}, which is no file", "name a key that you hold")
    return ssh.Candidate("", path)


def _git_key(environ: Mapping[str, str]) -> ssh.Candidate | None:
    """What git signs with, where it signs with SSH."""
    if ssh.said(["git", "config", "--get", "gpg.format"], environ).strip() != "ssh":
        return None
    text = ssh.said(["git", "config", "--get", "user.signingkey"], environ).strip()
    return _named(text, "git's user.signingkey") if text else None


def _first_allowed(allowed_signers: Path, environ: Mapping[str, str]) -> ssh.Candidate:
    allowed = {blob for _, blob in ssh.PUBLIC.findall(ssh.text_of(allowed_signers))}
    candidates = [*ssh.held(environ)]
    for one in candidates:
        if one.blob in allowed:
            return one
    hint = "pass --key FILE, set git's user.signingkey, or load a key: ssh-add"
    if candidates:
        held = f"none of the {len(candidates)} keys that you hold is in {allowed_signers.name}"
        raise SigningError(held, f"have one added there, or {hint}")
    raise SigningError("there is no key to sign with", hint)


@dataclass(frozen=True, slots=True)
class Shown:
    """A sign-off as the page shows it: what it says, and the hash of its file."""

    signoff: SignOff
    sha256: str


def show_signatures(directory: Path, templates_dir: Path) -> None:
    """Write the page beside the sign-offs, and the archive's list anew where there is one.

    Args:
        directory: A record that was signed.
        templates_dir: The templates.

    Raises:
        GonogoError: A file cannot be written; the sign-off stands all the same.
    """
    archive_dir = directory.parent.parent
    with refusal_explained("it is signed, but what shows it cannot be written"):
        with directory_lock(directory):
            page = rendered(open_closed(directory), templates_dir)
            write_whole(directory / SIGNATURES_PAGE, page.encode())
        if (archive_dir / index.INDEX_FILE).is_file():
            with archive_lock(archive_dir):
                index.write_index(archive_dir, templates_dir)


def rendered(closed: Closed, templates_dir: Path, most: int | None = None) -> str:
    """The page, as the sign-offs that lie there make it.

    Args:
        closed: The record.
        templates_dir: The templates.
        most: How many of the sign-offs, the first ones; None is all.

    Raises:
        UsageError: A template is missing or wrong.
        SigningError: The record or a sign-off cannot be read.
        OSError: A file cannot be read.
    """
    record = closed.record
    if record is None:
        raise SigningError(f"{closed.name} is not as it was: {'; '.join(closed.problems)}")
    numbers = sorted(signoff_numbers(closed.directory))[:most]
    signoffs = [_shown(closed.directory, number) for number in numbers]
    return index.signatures_page(record, closed.name, signoffs, templates_dir)


def page_problem(closed: Closed, templates_dir: Path) -> tuple[str, str]:
    """What is wrong with the page that lies there, and what cannot be proved; empty when neither.

    Args:
        closed: The record, whose sign-offs are proved.
        templates_dir: The templates.

    Raises:
        UsageError: A template is missing or wrong.
        OSError: A file cannot be read.
    """
    path = closed.directory / SIGNATURES_PAGE
    if not path.exists():
        return "", ""
    there = path.read_bytes()
    if there == rendered(closed, templates_dir).encode():
        return "", ""
    for most in range(len(signoff_numbers(closed.directory))):
        # Signing writes the sign-off first: the page of those before it is stale, not forged.
        if there == rendered(closed, templates_dir, most).encode():
            return "", f"{SIGNATURES_PAGE} is older than the newest sign-off: trust the sign-offs"
    if html.renderer_sha256(templates_dir).encode() in there:
        return f"{SIGNATURES_PAGE} is not what the sign-offs render to", ""
    return "", f"{SIGNATURES_PAGE} is another renderer's and is not proved: trust the sign-offs"


def _shown(directory: Path, number: int) -> Shown:
    content = (directory / f"signoff-{number}.json").read_bytes()
    try:
        return Shown(read(content), sha256_hex(content))
    except ValueError as error:
        raise SigningError(f"{directory.name}: signoff-{number}.json {error}") from None
