"""Where a record goes beside the archive: copies that were asked for, and a pipe."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TextIO

from gonogo.errors import GonogoError


def copy(file: Path, target: Path) -> None:
    """Copy what was asked for elsewhere.

    Raises:
        GonogoError: It cannot be written there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    except OSError as error:
        raise GonogoError(
            f"{str(target)!r} cannot be written ({error.strerror})", f"the record has it: {file}"
        ) from None


def pipe(file: Path, stream: TextIO) -> None:
    """Write a file, byte for byte, to a stream that is text's otherwise.

    Args:
        file: What to write.
        stream: Standard output.
    """
    stream.flush()
    try:
        stream.buffer.write(file.read_bytes())
        stream.flush()
    except BrokenPipeError:
        # Whoever read it has gone; Python would complain of it once more at its own end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
