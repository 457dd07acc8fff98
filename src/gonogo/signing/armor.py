"""An SSH signature as a file holds it: strictly, so that one changed byte of it is found.

The format is OpenSSH's PROTOCOL.sshsig. ssh-keygen reads more than it writes (other line breaks,
text after the end, loose base64), so here only what it writes is taken.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

MAGIC = b"SSHSIG"
BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
END = b"\n-----END SSH SIGNATURE-----\n"
LINE = 70
LENGTH_BYTES = 4


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
