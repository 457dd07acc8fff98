"""The one form in which a record is written down, so that its sha256 means something.

What is read is held to the types that it was written with: a file that is damaged, forged or of
another version is one line.

The hashes that record.json cannot hold have the form that ``sha256sum -c`` reads. ``files.sha256``
in a record's directory lists its files, the page among them; ``chain.sha256`` in an environment's
directory lists each record's ``files.sha256`` in the order of closing, and each sign-off. So an
archive can be proved without gonogo as well, and what was removed is missed.
"""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from gonogo.errors import RecordError
from gonogo.model.kinds import Environment
from gonogo.model.record import SCHEMA, Record
from gonogo.model.step import Provenance
from gonogo.record.files import write_whole
from gonogo.screen import harmless_json

RECORD_FILE = "record.json"
SURROGATE = re.compile("[\ud800-\udfff]")
MOST_OF_A_KEY = 80
# Of how a database was reached: who asks, and how much is encrypted.
NOT_THE_WAY = ("user=", "sslmode=")
FORM = re.compile(r"gonogo\.record/[0-9]{1,3}")


def canonical_json(document: Mapping[str, object]) -> bytes:
    """Write a document in its one canonical form.

    Keys are sorted, nothing is between tokens, text is UTF-8, one newline ends it. What nobody
    sees, what a terminal or CI would obey, and a lone surrogate are JSON escapes.

    Args:
        document: Mappings, sequences, text, numbers, booleans and None.

    Raises:
        ValueError: A number is not finite: JSON has no word for it.
        TypeError: Something in it is none of these.
    """
    return harmless_json(_json(document)).encode() + b"\n"


def sha256_hex(content: bytes) -> str:
    """The sha256 of some bytes, in lower-case hex."""
    return sha256(content).hexdigest()


def written(record: Record) -> bytes:
    r"""A record's ``record.json``. A byte that is no text stands there spelled out: ``\udc80``.

    Raises:
        ValueError: A step's evidence holds a number that is not finite.
    """
    text = _json(record.model_dump(mode="json"))
    spelled = SURROGATE.sub(lambda lone: f"\\\\u{ord(lone[0]):04x}", text)
    return harmless_json(spelled).encode() + b"\n"


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
        found = error.errors(include_url=False, include_context=False)
        first, other = found[0], [one["input"] for one in found if one["loc"] == ("format",)]
        if other and FORM.fullmatch(str(other[0])):
            form = f"of form {other[0]}; this gonogo reads /{SCHEMA[-1]}"
            problem = f"{file.parent.name}/{file.name}: {form}"
            raise RecordError(problem, "read it with the gonogo that wrote it") from None
        key, what = ".".join(map(str, first["loc"])), first["msg"]
        raise _unreadable(file, f"{key[:MOST_OF_A_KEY]!r}: {what}" if key else what) from None
    # What a run did not come to stands in its record as such: no key is ever left out.
    for key in Record.model_fields:
        if key not in record.model_fields_set:
            raise _unreadable(file, f"{key!r} is missing")
    return record


def read_plain(path: Path) -> bytes:
    """Read a file, and nothing that is none: what a pipe holds need never end.

    Raises:
        OSError: It is something else, or cannot be read.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return path.read_bytes()


def read_record(directory: Path) -> Record:
    """The record that lies in a directory.

    Raises:
        RecordError: There is none, or it cannot be read; and why.
    """
    file = directory / RECORD_FILE
    try:
        content = read_plain(file)
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


def database_of(asked: Provenance | None) -> str:
    """What tells a database from every other: the server's own identifier, and its name.

    Where the role may not read the identifier, the way there stands for the server. Of a fleet, the
    hash of each member's name and way. Empty where no database was asked, or it was out of reach.
    """
    if asked and asked.members:
        ways = sorted(f"{one.name} {way_to(one.connection)}\n" for one in asked.members)
        return f"fleet/{sha256_hex(''.join(ways).encode())}"
    if asked is None or asked.database is None:
        return ""
    server = asked.database.system_identifier or way_to(asked.connection)
    return f"{server}/{asked.database.database}"


def way_to(connection: str) -> str:
    """How a database is reached, whoever asks."""
    return " ".join(one for one in connection.split() if not one.startswith(NOT_THE_WAY))


FILES = "files.sha256"
CHAIN = "chain.sha256"
LINE = re.compile(r"([0-9a-f]{64})  ([^\0\n]+)")
SIGNOFF = re.compile(r"signoff-([1-9][0-9]*)\.json(\.sig)?")
# Made of the sign-offs, and made anew with each: proved by rendering it again, not by its hash.
SIGNATURES_PAGE = "signatures.html"


def own_files(directory: Path) -> tuple[Path, ...]:
    """The files of a record itself: neither its sign-offs, nor what lists or shows them.

    Raises:
        OSError: The directory cannot be read.
    """
    return tuple(
        sorted(
            path
            for path in directory.iterdir()
            if not path.name.startswith(".")
            and not SIGNOFF.fullmatch(path.name)
            and path.name not in {FILES, SIGNATURES_PAGE}
        )
    )


def signoff_names(directory: Path) -> frozenset[tuple[int, str]]:
    """The number and the end of each name of a sign-off: none, or ``.sig`` of its signature."""
    names = (SIGNOFF.fullmatch(path.name) for path in directory.iterdir())
    return frozenset((int(match[1]), match[2] or "") for match in names if match)


def signoff_numbers(directory: Path) -> frozenset[int]:
    """The numbers of the sign-offs that lie there."""
    return frozenset(number for number, end in signoff_names(directory) if not end)


def write_manifest(directory: Path) -> str:
    """Write ``files.sha256``; its own hash.

    Raises:
        OSError: A file cannot be read or written.
    """
    hashes = {path.name: sha256_hex(path.read_bytes()) for path in own_files(directory)}
    content = written_hashes(hashes)
    write_whole(directory / FILES, content)
    return sha256_hex(content)


def append_to_chain(place: Path, name: str, sha256: str) -> None:
    """Add a file to its environment's chain.

    Args:
        place: The environment's directory, whose archive's lock the caller holds.
        name: The file, as seen from there: a record's ``files.sha256``, or a sign-off.
        sha256: Of its content.

    Raises:
        OSError: The file cannot be read or written.
    """
    chain = place / CHAIN
    before = chain.read_bytes() if chain.is_file() else b""
    write_whole(chain, before + written_hashes({name: sha256}))


def is_chained(place: Path, record: str) -> bool:
    """Whether an environment's chain lists a record; a copy of one elsewhere has no chain.

    Raises:
        OSError: The chain cannot be read.
    """
    chain = place / CHAIN
    return chain.is_file() and f"  {record}/{FILES}\n".encode() in chain.read_bytes()


@dataclass(frozen=True, slots=True)
class Head:
    """How far an environment's chain went: it only ever grows, so its beginning stays.

    Args:
        lines: How many lines it had.
        sha256: Of these.
    """

    lines: int
    sha256: str

    @classmethod
    def of(cls, chain: bytes, lines: int | None = None) -> Self:
        """The head of a chain, or of so many lines of it."""
        kept = chain.splitlines(keepends=True)[:lines]
        return cls(len(kept), sha256_hex(b"".join(kept)))


def heads(archive_dir: Path) -> dict[Environment, Head]:
    """The head of each environment's chain in an archive, whose lock the caller holds.

    Raises:
        OSError: A chain cannot be read.
    """
    chains = {one: archive_dir / one / CHAIN for one in Environment}
    return {one: Head.of(file.read_bytes()) for one, file in chains.items() if file.is_file()}


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head that is kept where whoever writes the archive cannot quietly change it.

    Args:
        source: Where: a sign-off, a deployment in the ledger, a git ref.
    """

    source: str
    environment: str
    head: Head


def written_hashes(hashes: Mapping[str, str]) -> bytes:
    """Hashes by name, in the form that ``sha256sum -c`` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in hashes.items()).encode()


def read_hashes(content: bytes) -> dict[str, str]:
    """What such a file says: hashes by name.

    Raises:
        ValueError: A line of it is none, or a name stands twice.
    """
    hashes: dict[str, str] = {}
    for name, digest in _lines(content):
        if name in hashes:
            raise ValueError(f"{name} stands twice")
        hashes[name] = digest
    return hashes


def _lines(content: bytes) -> Iterator[tuple[str, str]]:
    text = content.decode("utf-8")
    if not text.endswith("\n"):
        raise ValueError("its last line is cut short")
    for number, line in enumerate(text[:-1].split("\n"), 1):
        match = LINE.fullmatch(line)
        if not match:
            raise ValueError(f"line {number} is no hash and name")
        yield match[2], match[1]
