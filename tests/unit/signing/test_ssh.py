"""A signature's file is read strictly, and real keys sign and are verified by ssh-keygen."""

from __future__ import annotations

import base64
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.errors import SigningError
from gonogo.signing import ssh
from gonogo.signing.ssh import Signature, parse, wrapped
from signers import make_key, public

# Made by ``ssh-keygen -Y sign -n gonogo``, and the key's fingerprint by ``ssh-keygen -l``.
SIGNED = b"""-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgfoXT26gIdhhWizXRYI7wYsttEM
GhPTOUda7HJRSqrwAAAAAGZ29ub2dvAAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1
NTE5AAAAQHm2zcW/oBWc6NVCedqJ7GtgB1f2PX3+iiQQfohdrZjdI2UYrd1KdsM3w5oknD
3kA9KsfwtU+qn8RTyjdCX3VQM=
-----END SSH SIGNATURE-----
"""
FINGERPRINT = "SHA256:ZlI/c8r+TFBEIpHg9Bj/TGrUcAKk4tX4qnGOcJG2+Rk"
BLOB = base64.b64decode(b"".join(SIGNED.splitlines()[1:-1]))


def field(content: bytes) -> bytes:
    """As SSH writes a string."""
    return len(content).to_bytes(4) + content


def test_a_signature_tells_its_key_and_what_it_was_made_for() -> None:
    """The fingerprint is the one that ssh-keygen shows."""
    assert parse(SIGNED) == Signature(FINGERPRINT, "gonogo")


def test_the_form_is_that_of_ssh_keygen() -> None:
    """Its bytes, wrapped again, are its file."""
    assert wrapped(BLOB) == SIGNED


def test_a_namespace_that_is_no_text_is_shown_all_the_same() -> None:
    """Its bytes stand as escapes."""
    blob = b"SSHSIG\0\0\0\x01" + field(b"key") + field(b"\xff\xfe")
    assert parse(wrapped(blob)).namespace == r"\xff\xfe"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no SSH signature, or is cut short"),
        (SIGNED[:-1], "is no SSH signature, or is cut short"),
        (SIGNED[1:], "is no SSH signature, or is cut short"),
        (SIGNED + b"\n", "is no SSH signature, or is cut short"),
        (SIGNED.replace(b"\n", b"\r\n"), "is no SSH signature, or is cut short"),
        (SIGNED.replace(b"U1NI", b"U1N!"), "is no SSH signature: its text is damaged"),
        (SIGNED.replace(b"VQM=", b"VQ="), "is no SSH signature: its text is damaged"),
        (SIGNED.replace(b"VQM=", b"VQN="), "is not as ssh-keygen wrote it"),
        (SIGNED.replace(b"\nNTE5", b"N\nTE5"), "is not as ssh-keygen wrote it"),
        (SIGNED.replace(b"\nU1NI", b"\n\nU1NI"), "is not as ssh-keygen wrote it"),
        (wrapped(b"XXHSIG" + BLOB[6:]), "is no SSH signature"),
        (wrapped(BLOB[:20]), "is no SSH signature: a field of it is cut short"),
        (wrapped(BLOB[:10] + field(b"key")), "is no SSH signature: a field of it is cut short"),
        (wrapped(b"SSHSIG"), "is no SSH signature: a field of it is cut short"),
    ],
)
def test_what_ssh_keygen_did_not_write_is_refused(content: bytes, said: str) -> None:
    """Cut, damaged, wrapped otherwise, or of another kind."""
    with pytest.raises(ValueError, match=f"^{said}$"):
        parse(content)


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONTENT = b"a record"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Ada's key."""
    return make_key(tmp_path / "ada")


@pytest.fixture
def allowed(tmp_path: Path, key: Path) -> Path:
    """Ada may sign, and Bob with another key."""
    bob = public(make_key(tmp_path / "bob"))
    file = tmp_path / "allowed_signers"
    file.write_text(f"ada {public(key)}\nbob {bob}\n", encoding="utf-8")
    return file


def refused(signature: bytes, allowed: Path, content: bytes = CONTENT, by: str = "ada") -> str:
    """Why a signature does not count."""
    with pytest.raises(SigningError) as error:
        ssh.verify(content, signature, by, allowed, NOW)
    return error.value.problem


def test_what_a_key_signed_is_verified_by_its_fingerprint(key: Path, allowed: Path) -> None:
    """The one that ``ssh-keygen -l`` shows."""
    words = ["ssh-keygen", "-l", "-f", str(key)]
    shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[1]
    signature = ssh.sign(CONTENT, key, os.environ)
    assert ssh.verify(CONTENT, signature, "ada", allowed, NOW) == shown


def test_other_bytes_do_not_fit(key: Path, allowed: Path) -> None:
    """One of the two was changed, and nobody knows which."""
    signature = ssh.sign(CONTENT, key, os.environ)
    assert refused(signature, allowed, b"another").startswith("the signature does not fit")


def test_anothers_key_names_its_owner(tmp_path: Path, allowed: Path) -> None:
    """Who may sign, and is somebody else."""
    signature = ssh.sign(CONTENT, tmp_path / "bob", os.environ)
    assert refused(signature, allowed) == "it is signed with the key of bob, not of ada"


def test_a_key_that_nobody_may_sign_with_is_named(tmp_path: Path, allowed: Path) -> None:
    """By its fingerprint, for whoever is to allow it."""
    signature = ssh.sign(CONTENT, make_key(tmp_path / "eve"), os.environ)
    found = parse(signature).fingerprint
    assert refused(signature, allowed) == f"allowed_signers knows no key {found} of ada"


def test_a_key_whose_time_is_over_does_not_count(key: Path, allowed: Path) -> None:
    """Judged by the moment of the signature."""
    line = f'ada valid-before="20261122" {public(key)}\n'
    allowed.write_text(line, encoding="utf-8")
    problem = refused(ssh.sign(CONTENT, key, os.environ), allowed)
    assert problem.startswith(f"the key {parse(ssh.sign(CONTENT, key, os.environ)).fingerprint} ")
    assert "was not valid then" in problem


def test_a_signature_for_something_else_does_not_count(tmp_path: Path, allowed: Path) -> None:
    """Such as a commit of git's, by the same key."""
    (tmp_path / "message").write_bytes(CONTENT)
    words = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", "ada", "message"]
    subprocess.run(words, check=True, capture_output=True, cwd=tmp_path)
    problem = refused((tmp_path / "message.sig").read_bytes(), allowed)
    assert problem == "it is signed for the namespace 'git', not for 'gonogo'"


def test_a_key_that_is_not_there_does_not_sign(tmp_path: Path) -> None:
    """ssh-keygen's own words say why."""
    with pytest.raises(SigningError, match=r"nowhere did not sign: .*; name a key that you hold"):
        ssh.sign(CONTENT, tmp_path / "nowhere", os.environ)


def test_without_a_file_of_signers_nothing_is_verified(key: Path, tmp_path: Path) -> None:
    """It says who may sign, so there is nobody."""
    signature = ssh.sign(CONTENT, key, os.environ)
    assert refused(signature, tmp_path / "missing").startswith("there is no file")


def test_without_ssh_keygen_nothing_is_signed(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SigningError, match="ssh-keygen is not installed"):
        ssh.sign(CONTENT, key, os.environ)


def test_what_is_no_signature_does_not_count(allowed: Path) -> None:
    """It is refused before ssh-keygen is asked."""
    assert refused(b"nothing", allowed) == "the signature is no SSH signature, or is cut short"
