"""What links records: each names the one before it, and ``chain.sha256`` lists them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import RecordError
from gonogo.model.record import Link
from gonogo.record.canonical import (
    CHAIN,
    FILES,
    RECORD_FILE,
    SIGNOFF,
    read_hashes,
    read_record,
    sha256_hex,
)
from gonogo.record.listing import RUNNING, named
from gonogo.signing.integrity import Closed
from gonogo.signing.signoffs import Checked


@dataclass(frozen=True, slots=True)
class Report:
    """What is proved of one record, or of an environment's chain.

    Args:
        title: What it is of.
        problems: What is wrong; nothing is proved while there is one.
        notes: What is so, and what could not be proved.
        signoffs: The sign-offs, in order.
    """

    title: str
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    signoffs: tuple[Checked, ...] = ()


def verify_chain(place: Path) -> Report:
    """Whether an environment's records are all there, in the order in which they were closed.

    Args:
        place: The environment's directory.

    Raises:
        OSError: It cannot be read.
    """
    title = f"chain of {place.name}"
    try:
        listed = read_hashes((place / CHAIN).read_bytes())
    except OSError:
        return Report(title, (f"{place.name}/{CHAIN} is missing or cannot be read",))
    except ValueError as error:
        return Report(title, (f"{place.name}/{CHAIN}: {error}",))
    there = {directory.name for directory, match in named(place) if match["label"] != RUNNING}
    problems = [*_unlike(place, listed, there), *_disordered(place, listed, there)]
    signed = sum(bool(SIGNOFF.fullmatch(name.partition("/")[2])) for name in listed)
    notes = (f"{len(there)} records, {signed} sign-offs",)
    return Report(title, tuple(dict.fromkeys(problems)), notes)


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
        listed = read_hashes(chain.read_bytes())
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


def unlike_since(closed: Closed, place: Path) -> Iterator[str]:
    """Which records were closed after a record, and are gone or changed: who knows what they said.

    Args:
        closed: The record.
        place: Its environment's directory; a copy of the record may lie elsewhere.
    """
    try:
        listed = read_hashes((place / CHAIN).read_bytes())
    except FileNotFoundError:
        return
    except ValueError as error:
        yield f"{place.name}/{CHAIN}: {error}"
        return
    order = list(dict.fromkeys(name.partition("/")[0] for name in listed))
    later = order[order.index(closed.name) + 1 :] if closed.name in order else []
    for name in later:
        digest = listed.get(f"{name}/{FILES}", "")
        if not (place / name).is_dir():
            if not _died_while_closed(place / name, digest):
                yield f"a record that was closed after it is missing: {name}"
        elif not _is_as_listed(place / name, digest):
            yield f"a record that was closed after it is not as it was: {name}"


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
        return sha256_hex(path.read_bytes())
    except OSError:
        return ""
