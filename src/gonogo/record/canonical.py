"""The one form in which a record is written down, so that its sha256 means something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256


def canonical_json(document: Mapping[str, object]) -> bytes:
    """Write a document in its one canonical form.

    Keys are sorted, nothing is between tokens, text stands as UTF-8, one newline ends it. A lone
    surrogate, which UTF-8 cannot hold, stands as its JSON escape.

    Args:
        document: Mappings, sequences, text, numbers, booleans and None.

    Raises:
        ValueError: A number is not finite: JSON has no word for it.
        TypeError: Something in it is none of these.
    """
    text = json.dumps(
        document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    # Within a JSON string Python's \udc80 is JSON's \udc80, and only strings hold surrogates.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def sha256_hex(content: bytes) -> str:
    """The sha256 of some bytes, in lower-case hex."""
    return sha256(content).hexdigest()
