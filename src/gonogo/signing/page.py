"""``signatures.html``: the sign-offs of a record for people to read, made anew with each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gonogo.record.canonical import sha256_hex
from gonogo.record.files import told_plainly, write_whole
from gonogo.record.locking import archive_lock, directory_lock
from gonogo.record.manifest import SIGNATURES_PAGE
from gonogo.record.schema import with_defaults
from gonogo.report.html import render_template, renderer_sha256
from gonogo.report.index import INDEX_FILE, write_index
from gonogo.report.looks import headline
from gonogo.signing.checking import numbers_in
from gonogo.signing.document import Decision
from gonogo.signing.integrity import Closed, open_closed

TEMPLATE = "signatures.html.jinja"


def show_signatures(directory: Path, templates_dir: Path) -> None:
    """Write the page beside the sign-offs, and the archive's list anew where there is one.

    Args:
        directory: A record that was signed.
        templates_dir: The templates.

    Raises:
        GonogoError: A file cannot be written; the sign-off stands all the same.
    """
    archive_dir = directory.parent.parent
    with told_plainly("it is signed, but what shows it cannot be written"):
        with directory_lock(directory):
            page = rendered(open_closed(directory), templates_dir)
            write_whole(directory / SIGNATURES_PAGE, page.encode())
        if (archive_dir / INDEX_FILE).is_file():
            with archive_lock(archive_dir):
                write_index(archive_dir, templates_dir)


def rendered(closed: Closed, templates_dir: Path) -> str:
    """The page, as the sign-offs that lie there make it.

    Args:
        closed: The record.
        templates_dir: The templates.

    Raises:
        UsageError: A template is missing or wrong.
        OSError: A file cannot be read.
    """
    document = with_defaults(closed.document)
    signoffs = [_signed(closed.directory, number) for number in _numbers(closed)]
    decided = [one for one in signoffs if one["decision"] != Decision.REVIEWED]
    values = {
        "record": document,
        "headline": headline(document),
        "name": closed.name,
        "signoffs": signoffs,
        "last": decided[-1] if decided else None,
        "renderer_sha256": renderer_sha256(templates_dir),
    }
    return render_template(TEMPLATE, templates_dir, values)


def page_problem(closed: Closed, templates_dir: Path) -> tuple[str, str]:
    """What is wrong with the page that lies there, and what cannot be told; empty when neither.

    Args:
        closed: The record, whose sign-offs are proved.
        templates_dir: The templates.

    Raises:
        UsageError: A template is missing or wrong.
        OSError: A file cannot be read.
    """
    path = closed.directory / SIGNATURES_PAGE
    if not path.exists():
        return "", ""
    there = path.read_bytes()
    if there == rendered(closed, templates_dir).encode():
        return "", ""
    if renderer_sha256(templates_dir).encode() in there:
        return f"{SIGNATURES_PAGE} is not what the sign-offs render to", ""
    return "", f"{SIGNATURES_PAGE} is another renderer's and is not proved: trust the sign-offs"


def _numbers(closed: Closed) -> list[int]:
    return sorted(numbers_in(closed.directory))


def _signed(directory: Path, number: int) -> dict[str, Any]:
    content = (directory / f"signoff-{number}.json").read_bytes()
    told: dict[str, Any] = json.loads(content)
    return told | {"sha256": sha256_hex(content)}
