"""The hashes that record.json cannot hold, in the form that ``sha256sum -c`` reads.

``files.sha256`` in a record's directory lists its files, the page among them; ``chain.sha256`` in
an environment's directory lists each record's ``files.sha256`` in the order of closing, and each
sign-off. So whoever has no gonogo can prove an archive as well, and what was removed is missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gonogo.record.canonical import sha256_hex
from gonogo.record.files import write_whole

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


def write_manifest(directory: Path) -> str:
    """Write ``files.sha256``; its own hash.

    Raises:
        OSError: A file cannot be read or written.
    """
    hashes = {path.name: sha256_hex(path.read_bytes()) for path in own_files(directory)}
    content = written(hashes)
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
    write_whole(chain, before + written({name: sha256}))


def is_chained(place: Path, record: str) -> bool:
    """Whether an environment's chain lists a record; a copy of one elsewhere has no chain.

    Raises:
        OSError: The chain cannot be read.
    """
    chain = place / CHAIN
    return chain.is_file() and f"  {record}/{FILES}\n".encode() in chain.read_bytes()


def written(hashes: Mapping[str, str]) -> bytes:
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
