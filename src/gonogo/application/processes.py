"""This machine's processes, as /proc shows them: whose a pid file is, who listens at an address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gonogo.application.exchange import LOOPBACK

PROC = Path("/proc")
LISTENS = "0A"
ZOMBIE = "Z"


def process_of(pid_file: Path) -> str:
    """The process that a pid file names, with its start; empty where none of that number lives.

    Args:
        pid_file: Its first word is the number.
    """
    try:
        words = pid_file.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return ""
    return _process(words[0]) if words and words[0].isdigit() else ""


def socket_owners(address: str) -> Iterator[str]:
    """The processes of this machine that listen where an address leads, as far as we may see.

    Args:
        address: A base URL; one that does not lead to this machine's loopback has none.
    """
    parts = urlsplit(address)
    if parts.hostname not in LOOPBACK:
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    wanted = {f"socket:[{inode}]" for inode in _listening(port)}
    if not wanted:
        return
    for directory in PROC.iterdir():
        if directory.name.isdigit() and not wanted.isdisjoint(_open_files(directory)):
            yield from filter(None, (_process(directory.name),))


def _listening(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on a port."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for words in map(str.split, lines):
            if words[3] == LISTENS and int(words[1].rpartition(":")[2], 16) == port:
                yield words[9]


def _open_files(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:
        # It has ended, or belongs to somebody else.
        return


def _process(number: str) -> str:
    """A process by number and start: a number alone is given again."""
    try:
        text = (PROC / number / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name, in parentheses, may hold anything.
    words = text.rpartition(")")[2].split()
    return "" if words[0] == ZOMBIE else f"pid {number}, started at tick {words[19]}"
