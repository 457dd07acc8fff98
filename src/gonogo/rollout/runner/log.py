"""The log of one command: JSON lines under ``logs/<environment>/``, secrets masked."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Self

from gonogo.errors import UsageError
from gonogo.masking import Mask
from gonogo.record.files import FILE_MODE, make_directory

UNSEEN = re.compile(r"[^\x20-\x7e\w]")
STAMP = "%Y%m%dT%H%M%S%fZ"


class Log:
    """One file. Each line is flushed, so that the log of a killed command is whole.

    Args:
        path: The file.
        stream: The file, open for writing.
        mask: Hides the secrets of every text.
    """

    def __init__(self, path: Path, stream: TextIOWrapper, mask: Mask) -> None:
        self.path = path
        self._stream = stream
        self.mask = mask

    @classmethod
    def open(cls, directory: Path, command: str, mask: Mask) -> Self:
        """Begin a log, named by the moment and the command.

        Raises:
            UsageError: The directory cannot be written.
        """
        path = directory / f"{datetime.now(UTC).strftime(STAMP)}_{command}.jsonl"
        try:
            make_directory(directory)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        except OSError as error:
            raise UsageError(f"no log can be written: {error}", "make logs/ writable") from None
        return cls(path, os.fdopen(descriptor, "w", encoding="utf-8"), mask)

    def write(self, event: str, **fields: object) -> None:
        """Add a line: the time, the event, and fields that JSON can hold (others as text)."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"at": moment, "event": event, **self.mask.scrub(fields)}
        text = json.dumps(line, ensure_ascii=False, default=str)
        # As JSON's own escapes: what a terminal would obey, what hides, what is no UTF-8.
        self._stream.write(UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text) + "\n")
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
