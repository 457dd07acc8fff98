"""An office without keys: whoever it knows signs with a hash, so that no program runs.

What ssh-keygen does is replaced here; all that gonogo makes of it is as in `signers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest

from gonogo.errors import SigningError
from gonogo.signing import ssh
from signers import ADA, BOB, Office

KEY = "SHA256:of-"


def open_paper_office(root: Path, patched: pytest.MonkeyPatch) -> Office:
    """Ada and Bob may sign; a key is a file that holds its owner's name.

    Args:
        root: Holds keys, ``allowed_signers`` and the archive.
        patched: Puts our hashes in ssh-keygen's place.
    """
    patched.setattr(ssh, "require_program", lambda: None)
    patched.setattr(ssh, "sign", _sign)
    patched.setattr(ssh, "verify", _verify)
    keys = {who: root / who for who in (ADA, BOB)}
    for who, path in keys.items():
        path.write_text(who, encoding="utf-8")
    (root / "allowed_signers").write_text(f"{ADA}\n{BOB}\n", encoding="utf-8")
    return Office(root, keys)


def _sign(content: bytes, key: Path, environ: Mapping[str, str]) -> bytes:
    del environ
    return _signature(content, key.read_text(encoding="utf-8"))


def _verify(
    content: bytes, signature: bytes, principal: str, allowed_signers: Path, at: datetime
) -> str:
    del at
    allowed = allowed_signers.read_text(encoding="utf-8").splitlines()
    if principal not in allowed or signature != _signature(content, principal):
        raise SigningError(f"it is not signed by {principal}", "have somebody else sign it")
    return f"{KEY}{principal}"


def _signature(content: bytes, who: str) -> bytes:
    return sha256(content + who.encode()).hexdigest().encode()
