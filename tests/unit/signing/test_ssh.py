"""A signature's file: what ssh-keygen wrote is read, and nothing that merely resembles it."""

from __future__ import annotations

import base64

import pytest

from gonogo.signing.ssh import Signature, parse, wrapped

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
