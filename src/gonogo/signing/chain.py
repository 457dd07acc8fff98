"""What links records: each names the one before it, and ``chain.sha256`` lists them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import RecordError
from gonogo.model.record import Link
from gonogo.record.canonical import (
    CHAIN,
    FILES,
    RECORD_FILE,
    SIGNOFF,
    Anchor,
    Head,
    read_hashes,
    read_plain,
    read_record,
    sha256_hex,
)
from gonogo.record.files import named
from gonogo.record.listing import RUNNING
from gonogo.signing.integrity import Closed
from gonogo.signing.signoffs import Checked


@dataclass(frozen=True, slots=True)
class Report:
    """What is proved of one record, or of an environment's chain.

    Args:
        directory: The record, or the environment's directory.
        title: What it is of.
        problems: What is wrong; nothing is proved while there is one.
        notes: What is so, and what could not be proved.
        signoffs: The sign-offs, in order.
        closed: The record as it lies there; None for a chain.
    """

    directory: Path
    title: str
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    signoffs: tuple[Checked, ...] = ()
    closed: Closed | None = None


def verify_chain(place: Path, anchors: Iterable[Anchor] = ()) -> Report:
    """Whether an environment's records are all there, in the order in which they were closed.

    Args:
        place: The environment's directory.
        anchors: Heads of chains that are kept elsewhere, this one's among them.

    Raises:
        OSError: It cannot be read.
    """
    title = f"chain of {place.name}"
    try:
        content = read_plain(place / CHAIN)
        listed = read_hashes(content)
    except OSError:
        return Report(place, title, (f"{place.name}/{CHAIN} is missing or cannot be read",))
    except ValueError as error:
        return Report(place, title, (f"{place.name}/{CHAIN}: {error}",))
    there = {directory.name for directory, match in named(place) if match["label"] != RUNNING}
    kept = [one for one in anchors if one.environment == place.name]
    problems = [
        *_unlike(place, listed, there),
        *_disordered(place, listed, there),
        *(problem for one in kept if (problem := _cut(content, one))),
    ]
    signed = sum(bool(SIGNOFF.fullmatch(name.partition("/")[2])) for name in listed)
    notes = (f"{len(there)} records, {signed} sign-offs, {len(kept)} anchors",)
    return Report(place, title, tuple(dict.fromkeys(problems)), notes)


def in_order(place: Path) -> list[str]:
    """The names of an environment's records in the order of closing; none where nobody knows."""
    try:
        listed = read_hashes(read_plain(place / CHAIN))
    except (OSError, ValueError):
        return []
    return list(dict.fromkeys(name.partition("/")[0] for name in listed))


def _cut(content: bytes, anchor: Anchor) -> str:
    """What was removed or rewritten since a chain's head was kept; empty when it only grew."""
    now, then = Head.of(content, anchor.head.lines), anchor.head
    if now == then:
        return ""
    what = "fewer" if now.lines < then.lines else "others"
    return (
        f"{anchor.source} knows {then.lines} lines of {CHAIN}, and there are {what}: records or "
        "sign-offs were removed or rewritten since"
    )


def _unlike(place: Path, listed: Mapping[str, str], there: set[str]) -> Iterator[str]:
    records = {name.partition("/")[0] for name in listed}
    for name in sorted(there - records):
        yield f"{name} is not listed: it was put there from elsewhere"
    for file, digest in listed.items():
        record, _, own = file.partition("/")
        if record in there:
            if digest != _hash(place / file):
                yield f"{file} is missing, or is not what was listed"
        elif own != FILES or not _died_while_closed(place / record, digest):
            yield f"{record} is missing"
        if own != FILES and not SIGNOFF.fullmatch(own):
            yield f"it lists {file}, which belongs to no record"


def _disordered(place: Path, listed: Mapping[str, str], there: set[str]) -> Iterator[str]:
    """Each record names the one that was listed before it."""
    before: str | None = None
    for file in listed:
        record, _, own = file.partition("/")
        if own != FILES or record not in there:
            continue
        previous = _previous(place / record)
        named_before = previous.record if previous else None
        if named_before != before:
            listed_before = f"and {before or 'none'} is listed so"
            yield f"{record} names {named_before or 'none'} before it, {listed_before}"
        before = record


def _previous(directory: Path) -> Link | None:
    try:
        return read_record(directory).previous
    except RecordError:
        return None


def linked(closed: Closed) -> tuple[list[str], list[str]]:
    """What is wrong with the record before a record, and what cannot be proved."""
    previous = closed.record.previous if closed.record else None
    if previous is None:
        return [], []
    before = closed.directory.parent / previous.record
    if not before.is_dir():
        return [], [f"the record before it, {previous.record}, is not here"]
    hashes = {RECORD_FILE: previous.sha256, FILES: previous.files_sha256}
    return [
        f"the record before it, {previous.record}, has another {file} than it names"
        for file, digest in hashes.items()
        if digest != _hash(before / file)
    ], []


def chained(closed: Closed) -> Iterator[str]:
    """What the environment's chain says against a record; a copy of one elsewhere has none."""
    chain = closed.directory.parent / CHAIN
    if not chain.is_file():
        return
    try:
        listed = read_hashes(read_plain(chain))
    except ValueError as error:
        yield f"{CHAIN} beside it: {error}"
        return
    name = f"{closed.name}/{FILES}"
    if name not in listed:
        yield f"{CHAIN} beside it does not list it: it was put there from elsewhere"
    for file, digest in listed.items():
        record, _, own = file.partition("/")
        if record == closed.name and digest != _hash(closed.directory / own):
            yield f"{own} is missing or was changed: {CHAIN} has another hash of it"


def _died_while_closed(final: Path, digest: str) -> bool:
    """Whether a listed record is that of a run that was killed before its directory got its name.

    It reads as aborted. Something else of that name does not stand for a record that was removed.
    """
    return _is_as_listed(final.with_name(f"{final.name.partition('_')[0]}_{RUNNING}"), digest)


def _is_as_listed(directory: Path, digest: str) -> bool:
    """Whether a record's files are those of the ``files.sha256`` that the chain lists."""
    if _hash(directory / FILES) != digest:
        return False
    try:
        listed = read_hashes((directory / FILES).read_bytes())
    except ValueError:
        return False
    return all(_hash(directory / name) == hashed for name, hashed in listed.items())


def _hash(path: Path) -> str:
    """The sha256 of a file; empty when it cannot be read."""
    try:
        return sha256_hex(read_plain(path))
    except OSError:
        return ""
