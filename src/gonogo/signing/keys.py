"""Which key signs: the one that is named, else git's, else one of the agent's, else one in ~/.ssh.

Only public halves are read here. Of several keys the first that ``allowed_signers`` has is taken.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import SigningError, UsageError
from gonogo.masking import without_secrets

PUBLIC = re.compile(r"\b((?:sk-)?(?:ssh|ecdsa)-[\w@.-]+) (AAAA[0-9A-Za-z+/=]+)")
LITERAL = "key::"
IN_HOME = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that may be meant.

    Args:
        blob: Its public half in base64; empty when only ssh-keygen can tell.
        path: Its file; None for a key that an agent holds.
        line: Its public half as one line; empty when it has a file.
    """

    blob: str
    path: Path | None = None
    line: str = ""


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
    with tempfile.TemporaryDirectory(prefix="gonogo-") as directory:
        public = Path(directory) / "key.pub"
        descriptor = os.open(public, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{one.line}\n")
        yield public


def _named(text: str, where: str) -> Candidate:
    literal = text.removeprefix(LITERAL)
    if match := PUBLIC.match(literal):
        return Candidate(match[2], line=match[0])
    path = Path(text).expanduser()
    if not path.is_file():
        raise UsageError(f"{where} names {path}, which is no file", "name a key that you hold")
    return Candidate("", path)


def _git_key(environ: Mapping[str, str]) -> Candidate | None:
    """What git signs with, where it signs with SSH."""
    if _said(["git", "config", "--get", "gpg.format"], environ).strip() != "ssh":
        return None
    text = _said(["git", "config", "--get", "user.signingkey"], environ).strip()
    return _named(text, "git's user.signingkey") if text else None


def _first_allowed(allowed_signers: Path, environ: Mapping[str, str]) -> Candidate:
    allowed = {blob for _, blob in PUBLIC.findall(_text(allowed_signers))}
    candidates = [*_of_agent(environ), *_of_home(environ)]
    for one in candidates:
        if one.blob in allowed:
            return one
    hint = "pass --key FILE, set git's user.signingkey, or load a key: ssh-add"
    if candidates:
        held = f"none of the {len(candidates)} keys that you hold is in {allowed_signers.name}"
        raise SigningError(held, f"have one added there, or {hint}")
    raise SigningError("there is no key to sign with", hint)


def _of_agent(environ: Mapping[str, str]) -> Iterator[Candidate]:
    if environ.get("SSH_AUTH_SOCK"):
        for match in PUBLIC.finditer(_said(["ssh-add", "-L"], environ)):
            yield Candidate(match[2], line=match[0])


def _of_home(environ: Mapping[str, str]) -> Iterator[Candidate]:
    directory = Path(environ.get("HOME") or "~").expanduser() / ".ssh"
    for name in IN_HOME:
        if match := PUBLIC.search(_text(directory / f"{name}.pub")):
            # The agent is asked for it where the private half is not beside it.
            yield Candidate(match[2], directory / f"{name}.pub")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _said(words: list[str], environ: Mapping[str, str]) -> str:
    """What a program says; nothing where it is missing or has nothing to say."""
    try:
        said = subprocess.run(
            words,
            env=without_secrets(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout if said.returncode == 0 else ""
