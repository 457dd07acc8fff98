"""The integrity of a closed record, by its hashes, its form, and its own page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gonogo.errors import RecordError, SigningError, UsageError
from gonogo.model.kinds import Environment, Kind, State
from gonogo.model.record import Record
from gonogo.record.archive import ATTESTATION, PAGE_FILE
from gonogo.record.canonical import (
    FILES,
    RECORD_FILE,
    own_files,
    parsed_record,
    read_hashes,
    read_plain,
    sha256_hex,
    written,
)
from gonogo.record.files import NAME, is_alive
from gonogo.record.listing import GATE_LABELS, RUNNING, SUMMARY


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed record, as it lies there.

    Args:
        directory: Where.
        record: What record.json holds; None when it cannot be read.
        hashes: The sha256 of each of its files, ``files.sha256`` among them.
        problems: What is not as it was.
    """

    directory: Path
    record: Record | None
    hashes: Mapping[str, str]
    problems: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.directory.name


def open_closed(directory: Path) -> Closed:
    """Look at a closed record; what is wrong with its files stands in its problems.

    Args:
        directory: The record's.

    Raises:
        UsageError: There is no record.
        SigningError: The run goes on, or was aborted: there is nothing that could be proved.
    """
    match = NAME.fullmatch(directory.name)
    if not directory.is_dir() or not match:
        raise UsageError(f"{directory} is no record", "name a directory of the archive")
    if match["label"] == RUNNING:
        state = "still goes on" if is_alive(directory) else "was aborted"
        raise SigningError(f"the run of {directory.name} {state}, so it decides nothing")
    files = _read_files(directory)
    record, problems = _read(directory, files.get(RECORD_FILE))
    problems += [*_listed(files, directory)]
    if directory.is_symlink():
        problems.append("it is a symbolic link: what it leads to lies outside the archive")
    if record:
        problems += [*_named(record, match["label"]), *_misplaced(record, directory.parent)]
    hashes = {name: sha256_hex(content) for name, content in files.items() if content is not None}
    return Closed(directory, record, hashes, tuple(problems))


def unlike_record(closed: Closed, templates_dir: Path) -> tuple[str, ...] | None:
    """Which files are not what record.json makes of them; None when another renderer made them.

    Raises:
        OSError: A template cannot be read.
    """
    from gonogo.report.html import attestation, render, renderer_sha256  # noqa: PLC0415  # jinja2

    if closed.record is None or closed.record.renderer_sha256 != renderer_sha256(templates_dir):
        return None
    try:
        made = {PAGE_FILE: render(closed.record, templates_dir).encode()}
    except RecordError:
        return (PAGE_FILE,)
    made[ATTESTATION] = attestation(closed.record) or b""
    hashes = {name: sha256_hex(content) if content else None for name, content in made.items()}
    return tuple(name for name, hashed in hashes.items() if closed.hashes.get(name) != hashed)


def _read_files(directory: Path) -> dict[str, bytes | None]:
    """The content of each file; None for what is no plain file or cannot be read."""
    paths = [*own_files(directory), directory / FILES]
    files: dict[str, bytes | None] = {}
    for path in paths:
        try:
            files[path.name] = None if path.is_symlink() else read_plain(path)
        except OSError:
            files[path.name] = None
    return files


def _read(directory: Path, content: bytes | None) -> tuple[Record | None, list[str]]:
    if content is None:
        return None, [f"{RECORD_FILE} cannot be read"]
    try:
        record = parsed_record(content, directory / RECORD_FILE)
    except RecordError as error:
        return None, [error.problem.removeprefix(f"{directory.name}/")]
    return record, [] if written(record) == content else [f"{RECORD_FILE} is not as it was written"]


def _listed(files: Mapping[str, bytes | None], directory: Path) -> Iterator[str]:
    """What ``files.sha256`` and the files say of each other."""
    manifest = files.get(FILES)
    if manifest is None:
        there = (directory / FILES).exists()
        yield f"{FILES} {'cannot be read' if there else 'is missing'}"
        return
    try:
        listed = read_hashes(manifest)
    except ValueError as error:
        yield f"{FILES}: {error}"
        return
    for name, digest in listed.items():
        if name not in files:
            yield f"{name} is missing"
        elif (content := files[name]) is None:
            yield f"{name} is no plain file that can be read"
        elif sha256_hex(content) != digest:
            yield f"{name} was changed: its hash is not the one in {FILES}"
    for name in (*files, RECORD_FILE, PAGE_FILE):
        if name not in listed and name != FILES:
            yield f"{name} is not in {FILES}: it was put there later"
            break


def _misplaced(record: Record, place: Path) -> Iterator[str]:
    """A copy may lie anywhere, but not among the records of another environment."""
    if place.name in set(Environment) and record.environment != place.name:
        yield f"it lies in {place.name}, but is a record of {record.environment}"


def _named(record: Record, label: str) -> Iterator[str]:
    if record.state is State.RUNNING:
        yield f"record.json says that the run is {record.state}"
    # A summary is called after what it is: its verdict is another record's.
    verdict = record.verdict.kind.value if record.verdict else None
    called = SUMMARY if record.kind is Kind.SUMMARY else verdict
    if (called or label in {*GATE_LABELS, SUMMARY}) and called != label:
        yield f"the directory is called {label}, but the record says {called or 'no verdict'}"
