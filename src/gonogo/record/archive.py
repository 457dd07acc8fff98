"""A record's life: opened before the first check runs, closed whole, chained to the one before.

While a run goes on, its directory is called ``<UTC time>_RUNNING`` and holds what is known so far.
A run that dies leaves just that, and reads as aborted. Closing writes each file whole, then renames
the directory: at every moment the archive holds only complete records and running ones.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from gonogo.errors import CancelledError, GonogoError, UsageError
from gonogo.record import unfinished
from gonogo.record.archived import RECORD_FILE, RUNNING, STEM_FORMAT, ArchivedRecord, load
from gonogo.record.canonical import canonical_json, sha256_hex
from gonogo.record.files import (
    FILE_MODE,
    make_directory,
    settle,
    told_plainly,
    write_whole,
)
from gonogo.record.listing import gates_since, head_of, list_records, named
from gonogo.record.locking import LIFE_SIGN, archive_lock, sign_of_life
from gonogo.record.manifest import CHAIN, FILES, append_to_chain, write_manifest
from gonogo.record.schema import SCHEMA, Json, with_top_level

__all__ = ["ArchivedRecord", "RunningRecord", "gates_since", "list_records"]

PAGE_FILE = "record.html"
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LABEL = re.compile(r"[A-Z][A-Z0-9-]*")


class RunningRecord:
    """The record of a run that is not over.

    Args:
        archive_dir: The archive.
        directory: The run's own directory in it.
        life: The descriptor whose lock tells that we live.
    """

    def __init__(self, archive_dir: Path, directory: Path, life: int) -> None:
        self.archive_dir = archive_dir
        self.directory = directory
        self._life: int | None = life

    @classmethod
    def open(
        cls, archive_dir: Path, environment: str, header: Mapping[str, object]
    ) -> RunningRecord:
        """Leave word that a run has begun, and what it is expected to answer.

        Args:
            archive_dir: The archive; made when it is not there.
            environment: The directory within it.
            header: What is known so far; ``started_at`` names the directory.

        Raises:
            UsageError: `environment` is no plain name.
            GonogoError: The archive cannot be written.
        """
        if not PLAIN_NAME.fullmatch(environment):
            raise UsageError(f"{environment!r} cannot name a directory of the archive")
        place = archive_dir / environment
        with told_plainly("the record cannot be opened"):
            make_directory(place)
            with archive_lock(archive_dir):
                directory = place / f"{_free_stem(place, _started(header))}_{RUNNING}"
                make_directory(directory, exist_ok=False)
                known = unfinished.running(header, environment)
                with _removed_again(directory):
                    life = sign_of_life(directory)
                    try:
                        write_whole(directory / RECORD_FILE, known)
                        settle(place)
                    except BaseException:
                        os.close(life)
                        raise
        return cls(archive_dir, directory, life)

    def finish(self, document: Mapping[str, object], label: str, templates_dir: Path) -> Path:
        """Close the record: write it whole, chain it, give it its name, list it.

        Args:
            document: All of it but schema, previous and renderer; ``state`` is complete unless
                it says otherwise.
            label: What the directory's name shall say: GO, DEPLOYED, …
            templates_dir: The templates of the page and of the list.

        Returns:
            The record's directory under its final name.

        Raises:
            GonogoError: The archive cannot be written, or the record was closed before. Nothing
                half-written is in it then: the run reads as aborted.
        """
        from gonogo.report.html import render, renderer_sha256  # noqa: PLC0415  # loads jinja2
        from gonogo.report.index import write_index  # noqa: PLC0415  # likewise

        if self._life is None or not LABEL.fullmatch(label):
            raise GonogoError(f"the record {self.directory.name} cannot be closed as {label}")
        final = self.directory.with_name(self.directory.name.replace(RUNNING, label))
        with (
            told_plainly("the record cannot be written"),
            archive_lock(self.archive_dir),
            self._all_or_nothing(),
        ):
            full = self._completed(document, renderer_sha256(templates_dir))
            write_whole(self.directory / PAGE_FILE, render(full, templates_dir).encode())
            write_whole(self.directory / RECORD_FILE, canonical_json(full))
            manifest = write_manifest(self.directory)
            append_to_chain(final.parent, f"{final.name}/{FILES}", manifest)
            self._settle_as(final)
        with (
            told_plainly(f"the record lies in {final}, but the archive's index cannot be written"),
            archive_lock(self.archive_dir),
        ):
            write_index(self.archive_dir, templates_dir)
        return final

    @contextmanager
    def carried_out(
        self, header: Mapping[str, object], templates_dir: Path, mask: Callable[[str], str]
    ) -> Iterator[None]:
        """What ends the block before its time is told by the record: it reads as aborted, and why.

        Where somebody was asked and said no, nothing was done: no record is left.

        Args:
            header: What was known from the beginning.
            templates_dir: The templates of the page and of the list.
            mask: Hides what is secret.
        """
        try:
            yield
        except CancelledError:
            self.abandon()
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        except BaseException as error:
            self._aborted(header, templates_dir, mask(unfinished.reason(error)))
            raise

    def _aborted(self, header: Mapping[str, object], templates_dir: Path, why: str) -> None:
        from gonogo.report.index import write_index  # noqa: PLC0415  # loads jinja2

        content = unfinished.aborted(header, self.directory.parent.name, why)
        # That it cannot be written is no reason to tell the other error later.
        with suppress(OSError, GonogoError):
            write_whole(self.directory / RECORD_FILE, content)
        self.abandon()
        with suppress(OSError, GonogoError), archive_lock(self.archive_dir):
            write_index(self.archive_dir, templates_dir)

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
                for name in (PAGE_FILE, FILES):
                    (self.directory / name).unlink(missing_ok=True)
                for path, content in before.items():
                    _put_back(path, content)
            raise
        finally:
            self.abandon()

    def _completed(self, document: Mapping[str, object], renderer: str) -> Json:
        environment = self.directory.parent.name
        head = head_of(list_records(self.archive_dir, quick=True), environment)
        full = with_top_level({"state": "complete", **document})
        return full | {
            "schema": SCHEMA,
            "environment": environment,
            "previous": _link(head) if head else None,
            "renderer_sha256": renderer,
        }

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


def _link(head: ArchivedRecord) -> Json:
    """What a record says of the one before it; no hash of a file that is not there."""
    manifest = head.directory / FILES
    whole = sha256_hex(manifest.read_bytes()) if manifest.is_file() else ""
    # What is chained is what lies there, not what was noted of it.
    return {"record": head.name, "sha256": load(head.directory)[1], "files_sha256": whole}


def _put_back(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    elif path.read_bytes() != content:
        write_whole(path, content)


def _started(header: Mapping[str, object]) -> datetime:
    try:
        return datetime.fromisoformat(str(header.get("started_at"))).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)


def _free_stem(place: Path, started: datetime) -> str:
    """The moment, with a number where a run of the same second has it already."""
    moment = started.strftime(STEM_FORMAT)
    twins = [int(match["twin"] or 1) for _, match in named(place) if match["moment"] == moment]
    return f"{moment}-{max(twins) + 1}" if twins else moment
