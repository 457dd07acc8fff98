"""``signatures.html``: the sign-offs of a record for people to read, made anew with each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import SigningError
from gonogo.record.canonical import SIGNATURES_PAGE, sha256_hex, signoff_numbers
from gonogo.record.files import archive_lock, directory_lock, refusal_explained, write_whole
from gonogo.report import html, index
from gonogo.signing.integrity import Closed, open_closed
from gonogo.signing.signoffs import SignOff, read


@dataclass(frozen=True, slots=True)
class Shown:
    """A sign-off as the page shows it: what it says, and the hash of its file."""

    signoff: SignOff
    sha256: str


def show_signatures(directory: Path, templates_dir: Path) -> None:
    """Write the page beside the sign-offs, and the archive's list anew where there is one.

    Args:
        directory: A record that was signed.
        templates_dir: The templates.

    Raises:
        GonogoError: A file cannot be written; the sign-off stands all the same.
    """
    archive_dir = directory.parent.parent
    with refusal_explained("it is signed, but what shows it cannot be written"):
        with directory_lock(directory):
            page = rendered(open_closed(directory), templates_dir)
            write_whole(directory / SIGNATURES_PAGE, page.encode())
        if (archive_dir / index.INDEX_FILE).is_file():
            with archive_lock(archive_dir):
                index.write_index(archive_dir, templates_dir)


def rendered(closed: Closed, templates_dir: Path, most: int | None = None) -> str:
    """The page, as the sign-offs that lie there make it.

    Args:
        closed: The record.
        templates_dir: The templates.
        most: How many of the sign-offs, the first ones; None is all.

    Raises:
        UsageError: A template is missing or wrong.
        SigningError: The record or a sign-off cannot be read.
        OSError: A file cannot be read.
    """
    record = closed.record
    if record is None:
        raise SigningError(f"{closed.name} is not as it was: {'; '.join(closed.problems)}")
    numbers = sorted(signoff_numbers(closed.directory))[:most]
    signoffs = [_shown(closed.directory, number) for number in numbers]
    return index.signatures_page(record, closed.name, signoffs, templates_dir)


def page_problem(closed: Closed, templates_dir: Path) -> tuple[str, str]:
    """What is wrong with the page that lies there, and what cannot be proved; empty when neither.

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
    for most in range(len(signoff_numbers(closed.directory))):
        # Signing writes the sign-off first: the page of those before it is stale, not forged.
        if there == rendered(closed, templates_dir, most).encode():
            return "", f"{SIGNATURES_PAGE} is older than the newest sign-off: trust the sign-offs"
    if html.renderer_sha256(templates_dir).encode() in there:
        return f"{SIGNATURES_PAGE} is not what the sign-offs render to", ""
    return "", f"{SIGNATURES_PAGE} is another renderer's and is not proved: trust the sign-offs"


def _shown(directory: Path, number: int) -> Shown:
    content = (directory / f"signoff-{number}.json").read_bytes()
    try:
        return Shown(read(content), sha256_hex(content))
    except ValueError as error:
        raise SigningError(f"{directory.name}: signoff-{number}.json {error}") from None
