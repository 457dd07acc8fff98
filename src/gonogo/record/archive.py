"""A record's life: opened before the first check runs, closed whole, chained to the one before.

While a run goes on, its directory is called ``<UTC time>_RUNNING`` and holds what is known so far.
A run that dies leaves just that, and reads as aborted. Closing writes each file whole, then renames
the directory: at every moment the archive holds only complete records and running ones.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from gonogo.errors import CancelledError, GonogoError
from gonogo.masking import ci_run
from gonogo.model.kinds import State
from gonogo.model.record import Link, Record
from gonogo.record.canonical import (
    CHAIN,
    FILES,
    RECORD_FILE,
    SIGNATURES_PAGE,
    append_to_chain,
    parsed_record,
    sha256_hex,
    write_manifest,
    written,
)
from gonogo.record.files import (
    FILE_MODE,
    LIFE_SIGN,
    STEM_FORMAT,
    archive_lock,
    make_directory,
    named,
    refusal_explained,
    settle,
    sign_of_life,
    write_whole,
)
from gonogo.record.listing import (
    RUNNING,
    ArchivedRecord,
    list_records,
)
from gonogo.screen import command

PAGE_FILE = "record.html"
ATTESTATION = "attestation.json"
LABEL = re.compile(r"[A-Z][A-Z0-9-]*")
# What is signed, by how a directory's name ends; any other record is reviewed.
DECISIONS = {"GO": "go", "NO-GO": "no-go", "HOLD": "hold", "ROLLBACK": "rollback", "SUMMARY": "go"}


class Pages(Protocol):
    """What makes pages of records; the report room has it."""

    def renderer_sha256(self) -> str:
        """The hash of all that makes a page beside its record."""

    def page(self, record: Record, sha256: str = "") -> str:
        """A record's page; of what is written already, with the hash of its ``record.json``."""

    def signatures(self, record: Record) -> str:
        """The page of its signatures, while nobody has signed."""

    def attestation(self, record: Record, sha256: str) -> bytes | None:
        """What a record says, for other tools; None where it judges nothing that has a hash."""

    def write_index(self, archive_dir: Path) -> None:
        """Write the archive's list anew; the caller holds the archive's lock."""


class RunningRecord:
    """The record of a run that is not over.

    Args:
        archive_dir: The archive.
        directory: The run's own directory in it.
        life: The descriptor whose lock shows that this run lives.
    """

    def __init__(self, archive_dir: Path, directory: Path, life: int) -> None:
        self.archive_dir = archive_dir
        self.directory = directory
        self._life: int | None = life

    @classmethod
    def open(cls, archive_dir: Path, record: Record) -> RunningRecord:
        """Leave word that a run has begun, and what it is expected to answer.

        Args:
            archive_dir: The archive; made when it is not there.
            record: What is known so far; environment and ``started_at`` name the directory.

        Raises:
            GonogoError: The archive cannot be written.
        """
        place = archive_dir / record.environment
        with refusal_explained("the record cannot be opened"):
            make_directory(place)
            with archive_lock(archive_dir):
                directory = place / f"{_free_stem(place, record.started_at)}_{RUNNING}"
                make_directory(directory, exist_ok=False)
                known = written(record.having(state=State.RUNNING))
                with _removed_again(directory):
                    life = sign_of_life(directory)
                    try:
                        write_whole(directory / RECORD_FILE, known)
                        settle(place)
                    except BaseException:
                        os.close(life)
                        raise
        return cls(archive_dir, directory, life)

    def finish(self, record: Record, label: str, pages: Pages) -> Path:
        """Close the record: write it whole, chain it, give it its name, list it.

        Args:
            record: All of it but what names the one before it and the renderer; complete unless
                it says that it was aborted.
            label: What the directory's name shall say: GO, DEPLOYED, …
            pages: What makes the page and the list.

        Returns:
            The record's directory under its final name.

        Raises:
            GonogoError: The archive cannot be written, or the record was closed before. Nothing
                half-written is in it then: the run reads as aborted.
        """
        if self._life is None or not LABEL.fullmatch(label):
            raise GonogoError(f"the record {self.directory.name} cannot be closed as {label}")
        final = self.directory.with_name(self.directory.name.replace(RUNNING, label))
        with (
            refusal_explained("the record cannot be written"),
            archive_lock(self.archive_dir),
            self._all_or_nothing(),
        ):
            content = written(self._completed(record, final.name, pages.renderer_sha256()))
            # What could not be read again is not closed; and what is shown is what was read.
            full = parsed_record(content, self.directory / RECORD_FILE)
            digest = sha256_hex(content)
            write_whole(self.directory / PAGE_FILE, pages.page(full, digest).encode())
            write_whole(self.directory / SIGNATURES_PAGE, pages.signatures(full).encode())
            write_whole(self.directory / RECORD_FILE, content)
            if statement := pages.attestation(full, digest):
                write_whole(self.directory / ATTESTATION, statement)
            manifest = write_manifest(self.directory)
            append_to_chain(final.parent, f"{final.name}/{FILES}", manifest)
            self._settle_as(final)
        with (
            refusal_explained(
                f"the record lies in {final}, but the archive's index cannot be written"
            ),
            archive_lock(self.archive_dir),
        ):
            pages.write_index(self.archive_dir)
        return final

    @contextmanager
    def carried_out(
        self, so_far: Callable[[], Record], pages: Pages, mask: Callable[[str], str]
    ) -> Iterator[None]:
        """An error that ends the block is written into the record: it reads as aborted, and why.

        Where somebody was asked and said no, nothing was done: no record is left.

        Args:
            so_far: What is known when it ends.
            pages: What makes the list.
            mask: Hides what is secret.
        """
        try:
            yield
        except CancelledError:
            self.abandon()
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        except BaseException as error:
            self._aborted(so_far(), pages, mask(_reason(error)))
            raise

    def _aborted(self, record: Record, pages: Pages, why: str) -> None:
        ended = record.having(state=State.ABORTED, finished_at=datetime.now(UTC), ended_by=why)
        # The other error is raised even when this cannot be written.
        with suppress(OSError, GonogoError):
            write_whole(self.directory / RECORD_FILE, written(ended))
        self.abandon()
        with suppress(OSError, GonogoError), archive_lock(self.archive_dir):
            pages.write_index(self.archive_dir)

    def abandon(self) -> None:
        """Give up without closing: from now on the run reads as aborted."""
        if self._life is not None:
            os.close(self._life)
            self._life = None

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """On any failure, leave the run's directory as that of a run that died."""
        kept = [self.directory / RECORD_FILE, self.directory.parent / CHAIN]
        before = {path: path.read_bytes() if path.is_file() else None for path in kept}
        try:
            yield
        except BaseException:
            with suppress(OSError):
                for name in (PAGE_FILE, SIGNATURES_PAGE, ATTESTATION, FILES):
                    (self.directory / name).unlink(missing_ok=True)
                for path, content in before.items():
                    _put_back(path, content)
            raise
        finally:
            self.abandon()

    def _completed(self, record: Record, name: str, renderer: str) -> Record:
        head = _head_of(list_records(self.archive_dir, quick=True), record.environment)
        decision = DECISIONS.get(name.partition("_")[2], "reviewed")
        return record.having(
            state=State.ABORTED if record.state is State.ABORTED else State.COMPLETE,
            name=name,
            sign=command("sign_off", name, f"--decision {decision} --by NAME"),
            ci_run=ci_run(os.environ),
            previous=_link(head) if head else None,
            renderer_sha256=renderer,
        )

    def _settle_as(self, final: Path) -> None:
        for file in self.directory.iterdir():
            file.chmod(FILE_MODE)
        (self.directory / LIFE_SIGN).unlink(missing_ok=True)
        settle(self.directory)
        self.directory.rename(final)
        settle(final.parent)
        self.directory = final


@contextmanager
def _removed_again(directory: Path) -> Iterator[None]:
    """On any failure, leave no directory of a run that never began."""
    try:
        yield
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _head_of(records: Iterable[ArchivedRecord], environment: str) -> ArchivedRecord | None:
    """The end of an environment's chain: the closed record that no other one names.

    Where several are at an end (two archives were put together), the last one closed.
    """
    closed = [r for r in records if r.environment == environment and r.label != RUNNING]
    named_before = {record.previous for record in closed}
    ends = [record for record in closed if record.name not in named_before]
    return max(ends, key=lambda one: (one.finished_at or one.moment, one.order), default=None)


def _link(head: ArchivedRecord) -> Link:
    """What a record says of the one before it: by what lies there, not by what was noted of it."""
    hashes = {
        name: sha256_hex(file.read_bytes()) if (file := head.directory / name).is_file() else ""
        for name in (RECORD_FILE, FILES)
    }
    return Link(record=head.name, sha256=hashes[RECORD_FILE], files_sha256=hashes[FILES])


def _put_back(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    elif path.read_bytes() != content:
        write_whole(path, content)


def _free_stem(place: Path, started: datetime) -> str:
    """The moment, with a number where a run of the same second has it already."""
    moment = started.astimezone(UTC).strftime(STEM_FORMAT)
    twins = [int(match["twin"] or 1) for _, match in named(place) if match["moment"] == moment]
    return f"{moment}-{max(twins) + 1}" if twins else moment


def _reason(error: BaseException) -> str:
    """Why an error ended a run, in one line."""
    if isinstance(error, GonogoError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "it was interrupted: by Ctrl-C, by SIGTERM, or by a terminal that closed"
    return f"an error of gonogo's own, {type(error).__name__}"
