"""A run's own files: staged before its record has a place, copied or piped once it has."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TextIO

from gonogo.config.project import Project
from gonogo.errors import GonogoError

PREFIX = "gate-"
NAME = re.compile(r"gate-(\d+)-")


def staging_directory(project: Project) -> Path:
    """Make a directory for one run, and remove what killed runs left.

    Args:
        project: It lies in the project's working directory, or, where that cannot be written, in
            the system's temporary one.
    """
    try:
        project.work_dir.mkdir(exist_ok=True)
        sweep(project)
        return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=project.work_dir))
    except OSError:
        return Path(tempfile.mkdtemp(prefix="gonogo-"))


def sweep(project: Project) -> None:
    """Remove what killed runs left in the project's working directory."""
    for left in project.work_dir.glob(f"{PREFIX}*"):
        _sweep(left)


def _sweep(left: Path) -> None:
    match = NAME.match(left.name)
    try:
        os.kill(int(match[1]) if match else 0, 0)
    except ProcessLookupError:
        shutil.rmtree(left, ignore_errors=True)
    except PermissionError:
        # Somebody else's process has that number: it may be theirs.
        return


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
