"""ssh-keygen's side: signing with a key that it alone reads, and verifying who signed."""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from gonogo.errors import SigningError
from gonogo.masking import without_secrets

PROGRAM = "ssh-keygen"
NAMESPACE = "gonogo"
PRIVATE = 0o600
VERIFY_TIME = "%Y%m%d%H%M%S"
# Messages are read, and moments are given without a zone.
PLAIN = {"LC_ALL": "C", "TZ": "UTC"}
SECONDS = 60
OUT_OF_TIME = ("expired", "not yet valid")
BAD_LINE = "bad options"
MAGIC = b"SSHSIG"
BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
END = b"\n-----END SSH SIGNATURE-----\n"
LINE = 70
LENGTH_BYTES = 4
PUBLIC = re.compile(r"\b((?:sk-)?(?:ssh|ecdsa)-[\w@.-]+) (AAAA[0-9A-Za-z+/=]+)")
IN_HOME = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


def sign(content: bytes, key: Path, environ: Mapping[str, str]) -> bytes:
    """Sign some bytes.

    ssh-keygen asks for a passphrase at the terminal, and an agent for whatever it asks for.

    Args:
        content: What is signed.
        key: A private key, or a public one whose private half an agent holds.
        environ: Names the agent.

    Returns:
        The signature, as it is kept.

    Raises:
        SigningError: ssh-keygen is missing, or does not sign with that key.
    """
    with scratch() as directory:
        message = put(directory / "message", content)
        words = ["-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(message)]
        said = _run(words, environ, stdin=None)
        signature = directory / "message.sig"
        if said.returncode or not signature.is_file():
            errors = said.stderr.strip().splitlines()
            raise SigningError(
                f"{key} did not sign: {errors[-1] if errors else 'ssh-keygen said nothing'}",
                "name a key that you hold by --key, or load it: ssh-add",
            )
        return signature.read_bytes()


def verify(
    content: bytes, signature: bytes, principal: str, allowed_signers: Path, at: datetime
) -> str:
    """See that a principal who may sign has signed some bytes.

    Args:
        content: What was signed.
        signature: As `sign` returned it.
        principal: Who is said to have signed.
        allowed_signers: Who may, in ssh-keygen's own format.
        at: When; keys may be valid for a time only.

    Returns:
        The key's fingerprint.

    Raises:
        SigningError: It is anything else, and what.
    """
    require_signers(allowed_signers)
    try:
        seen = parse(signature)
    except ValueError as error:
        raise SigningError(f"the signature {error}") from None
    if seen.namespace != NAMESPACE:
        problem = f"it is signed for the namespace {seen.namespace!r}, not for {NAMESPACE!r}"
        raise SigningError(problem)
    with scratch() as directory:
        file = str(put(directory / "message.sig", signature))
        moment = at.astimezone(UTC).strftime(VERIFY_TIME)
        words = ["-Y", "verify", "-f", str(allowed_signers), "-n", NAMESPACE, "-I", principal]
        said = _run([*words, f"-Overify-time={moment}", "-s", file], os.environ, content)
        if said.returncode:
            problem = _why(seen, principal, allowed_signers, said.stderr, file)
            raise SigningError(problem, "allowed_signers in rollout.toml says who may sign")
    return seen.fingerprint


def require_signers(allowed_signers: Path) -> None:
    """See that there is a file that says who may sign.

    Raises:
        SigningError: There is none.
    """
    if not allowed_signers.is_file():
        raise SigningError(
            f"there is no file {allowed_signers}, which says who may sign",
            "write one: docs/sign-off.md shows how",
        )


def require_program() -> None:
    """See that ssh-keygen is there.

    Raises:
        SigningError: It is not.
    """
    if shutil.which(PROGRAM) is None:
        raise SigningError(
            "ssh-keygen is not installed, which signs and verifies",
            "install OpenSSH's client (8.2 or later): apt-get install openssh-client",
        )


def _why(seen: Signature, principal: str, allowed_signers: Path, stderr: str, file: str) -> str:
    """Why ssh-keygen refused, in a sentence; it says little itself."""
    for line in stderr.splitlines():
        if any(word in line for word in OUT_OF_TIME):
            return f"the key {seen.fingerprint} was not valid then: {line.rpartition(': ')[2]}"
        if "namespace" in line:
            listed = f"{allowed_signers.name} lists the key {seen.fingerprint}"
            return f"{listed} for other namespaces alone: add {NAMESPACE} to its namespaces"
        if BAD_LINE in line:
            return f"{allowed_signers.name} cannot be read: {line}"
    words = ["-Y", "find-principals", "-f", str(allowed_signers), "-s", file]
    owners = _run(words, os.environ, b"").stdout.split("\n")
    names = sorted(name for name in owners if name)
    if principal in names:
        return "the signature does not fit what was signed: one of the two was changed"
    if names:
        return f"it is signed with the key of {', '.join(names)}, not of {principal}"
    return f"{allowed_signers.name} knows no key {seen.fingerprint} of {principal}"


def _run(
    words: list[str], environ: Mapping[str, str], stdin: bytes | None
) -> subprocess.CompletedProcess[str]:
    require_program()
    said = _finished([PROGRAM, *words], {**without_secrets(environ), **PLAIN}, stdin)
    out, err = (text.decode("utf-8", "replace") for text in (said.stdout, said.stderr))
    return subprocess.CompletedProcess(said.args, said.returncode, out, err)


def _finished(
    words: list[str], environ: Mapping[str, str], stdin: bytes | None
) -> subprocess.CompletedProcess[bytes]:
    """Without input it may ask a person at the terminal, who may take their time."""
    try:
        if stdin is None:
            return subprocess.run(words, env=environ, capture_output=True, check=False)
        return subprocess.run(
            words, env=environ, input=stdin, capture_output=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise SigningError(f"ssh-keygen took more than {SECONDS} s") from None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that may be meant.

    Args:
        blob: Its public half in base64; empty when only ssh-keygen knows it.
        path: Its file; None for a key that an agent holds.
        line: Its public half as one line; empty when it has a file.
    """

    blob: str
    path: Path | None = None
    line: str = ""


def held(environ: Mapping[str, str]) -> Iterator[Candidate]:
    """The keys that somebody holds: those of their agent, then those in their home directory.

    Args:
        environ: Names the agent, and the home directory.
    """
    if environ.get("SSH_AUTH_SOCK"):
        for key in PUBLIC.finditer(said(["ssh-add", "-L"], environ)):
            yield Candidate(key[2], line=key[0])
    directory = Path(environ.get("HOME") or "~").expanduser() / ".ssh"
    for name in IN_HOME:
        if match := PUBLIC.search(text_of(directory / f"{name}.pub")):
            # The agent is asked for it where the private half is not beside it.
            yield Candidate(match[2], directory / f"{name}.pub")


def text_of(path: Path) -> str:
    """What a file holds; nothing where it cannot be read."""
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def said(words: list[str], environ: Mapping[str, str]) -> str:
    """What a program says; nothing where it is missing or has nothing to say."""
    with suppress(OSError, SigningError):
        ended = _finished(words, without_secrets(environ), b"")
        return "" if ended.returncode else ended.stdout.decode("utf-8", "replace")
    return ""


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for this user alone, which goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="gonogo-") as name:
        yield Path(name)


def put(path: Path, content: bytes) -> Path:
    """Write a new file that this user alone may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return path


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature says of itself, before anybody verified it.

    Args:
        fingerprint: Of the key, as ``ssh-keygen -l`` shows it.
        namespace: What it was made for.
    """

    fingerprint: str
    namespace: str


def parse(content: bytes) -> Signature:
    """Read a signature.

    Args:
        content: The file's bytes.

    Raises:
        ValueError: It is not exactly what ssh-keygen writes.
    """
    if not content.startswith(BEGIN) or not content.endswith(END):
        raise ValueError("is no SSH signature, or is cut short")
    body = content[len(BEGIN) : -len(END)].replace(b"\n", b"")
    try:
        blob = base64.b64decode(body, validate=True)
    except binascii.Error:
        raise ValueError("is no SSH signature: its text is damaged") from None
    if wrapped(blob) != content:
        raise ValueError("is not as ssh-keygen wrote it")
    if not blob.startswith(MAGIC):
        raise ValueError("is no SSH signature")
    fields = _Fields(blob[len(MAGIC) + LENGTH_BYTES :])
    key, namespace = fields.take(), fields.take()
    return Signature(fingerprint(key), namespace.decode("utf-8", "backslashreplace"))


def wrapped(blob: bytes) -> bytes:
    """A signature's bytes in the form that ssh-keygen writes."""
    text = base64.b64encode(blob)
    lines = [text[start : start + LINE] for start in range(0, len(text), LINE)]
    return BEGIN + b"\n".join(lines) + END


def fingerprint(key: bytes) -> str:
    """A public key's fingerprint, as ``ssh-keygen -l`` shows it."""
    return f"SHA256:{base64.b64encode(sha256(key).digest()).decode().rstrip('=')}"


class _Fields:
    """SSH's strings, one after the other: four bytes of length, then so many bytes."""

    def __init__(self, rest: bytes) -> None:
        self._rest = rest

    def take(self) -> bytes:
        length = int.from_bytes(self._rest[:LENGTH_BYTES])
        end = LENGTH_BYTES + length
        if len(self._rest) < end:
            raise ValueError("is no SSH signature: a field of it is cut short")
        field, self._rest = self._rest[LENGTH_BYTES:end], self._rest[end:]
        return field
