"""Runs what a how-to page shows, as it stands there.

In a desk's checkout lies a `noxw` that does what nox would, without environments of its own: it
asks the noxfile which words a session gives to `gonogo`, and becomes that. Everything else of a
block is bash's, with psql and git on PATH.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import patch

from desk import Desk

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONGEST_S = 300


def blocks(page: str, language: str = "sh") -> list[str]:
    """The blocks of a page in one language, in their order.

    Args:
        page: Its name under ``docs/``.
        language: What stands behind the backticks.
    """
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [block for kind, block in BLOCK.findall(text) if kind == language]


@cache
def load_noxfile() -> ModuleType:
    """The noxfile as a module; nox registers its sessions once a process."""
    spec = spec_from_file_location("noxfile", ROOT / "noxfile.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules["noxfile"] = module
    spec.loader.exec_module(module)
    return module


def words_of(noxfile: ModuleType, name: str, posargs: list[str]) -> list[str]:
    """What a session hands to the `gonogo` command."""
    told: list[list[str]] = []

    def hear(_session: object, _home: object, *words: str, **_: object) -> None:
        told.append(list(words))

    with patch.object(noxfile, "_run", hear):
        getattr(noxfile, name).func(SimpleNamespace(posargs=posargs))
    ((program, *words),) = told
    assert program == "gonogo"
    return words


def run_block(
    desk: Desk, block: str, meant: Mapping[str, str], bin_dir: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a block at a terminal where a person types the database's name when asked.

    Args:
        desk: Where.
        block: Lines of shell.
        meant: What words of the page stand for here, whole words only.
        bin_dir: PostgreSQL's programs.
        variables: More of the session's variables.
    """
    for word, here in meant.items():
        block = re.sub(
            rf"(?<![\w/.-]){re.escape(word)}(?![\w/-])", here.replace("\\", r"\\"), block
        )
    shim = desk.root / "noxw"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__)}" "$@"\n')
    shim.chmod(0o755)
    path = f"{Path(sys.executable).parent}:{bin_dir}:{os.environ['PATH']}"
    with _person(desk.database) as terminal:
        return subprocess.run(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", block],
            cwd=desk.root,
            env={**desk.environ, "PATH": path, "DATABASE_URL": desk.conninfo, **variables},
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )


@contextmanager
def _person(name: str) -> Iterator[int]:
    """A terminal at which somebody types a name, as often as it is asked for."""
    person, terminal = pty.openpty()
    try:
        os.write(person, f"{name}\n".encode() * 4)
        yield terminal
    finally:
        os.close(person)
        os.close(terminal)


def main(words: list[str]) -> None:
    """Do what ``./noxw -s SESSION -- WORD…`` does, in this process."""
    assert words[0] == "-s", words
    given = words[3:] if words[2:3] == ["--"] else words[2:]
    command = words_of(load_noxfile(), words[1], given)
    os.environ["GONOGO_CALLED_THROUGH"] = "./noxw -s"
    os.execv(sys.executable, [sys.executable, "-m", "gonogo", *command])  # noqa: S606 - no shell


if __name__ == "__main__":
    main(sys.argv[1:])
