"""The one form in which a record is written down, so that its sha256 means something.

What is read is held to the types that it was written with: a file that is damaged, forged or of
another version is one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from gonogo.errors import RecordError
from gonogo.model.record import SCHEMA, Record

RECORD_FILE = "record.json"
SURROGATE = re.compile("[\ud800-\udfff]")
MOST_OF_A_KEY = 80


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
    # Within a JSON string Python's \udc80 is JSON's \udc80, and only strings hold surrogates.
    return _json(document).encode("utf-8", "backslashreplace") + b"\n"


def sha256_hex(content: bytes) -> str:
    """The sha256 of some bytes, in lower-case hex."""
    return sha256(content).hexdigest()


def written(record: Record) -> bytes:
    r"""A record's ``record.json``. A byte that is no text stands there spelled out: ``\udc80``.

    Raises:
        ValueError: A step's evidence holds a number that is not finite.
    """
    text = _json(record.model_dump(mode="json"))
    return SURROGATE.sub(lambda lone: f"\\\\u{ord(lone[0]):04x}", text).encode() + b"\n"


def parsed_record(content: bytes, file: Path) -> Record:
    """Read a record.

    Args:
        content: The file's bytes.
        file: Which file, for the message.

    Raises:
        RecordError: It is no record of this version, and which key is wrong.
    """
    try:
        record = Record.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key, what = ".".join(map(str, first["loc"])), first["msg"]
        raise _unreadable(file, f"{key[:MOST_OF_A_KEY]!r}: {what}" if key else what) from None
    # What a run did not come to stands in its record as such: no key is ever left out.
    for key in Record.model_fields:
        if key not in record.model_fields_set:
            raise _unreadable(file, f"{key!r} is missing")
    return record


def read_record(directory: Path) -> Record:
    """The record that lies in a directory.

    Raises:
        RecordError: There is none, or it cannot be read; and why.
    """
    file = directory / RECORD_FILE
    try:
        content = file.read_bytes()
    except OSError as error:
        problem = f"{directory.name}/{RECORD_FILE} cannot be read: {error.strerror}"
        raise RecordError(problem, "name another record, or mend the file's rights") from None
    return parsed_record(content, file)


def _unreadable(file: Path, what: str) -> RecordError:
    remedy = f"it was damaged, or is not of the form {SCHEMA}: put back the file as it was"
    return RecordError(f"{file.parent.name}/{file.name}: {what}", remedy)


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(
        document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
