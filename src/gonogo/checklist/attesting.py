"""Who ticked what: the word of verified sign-offs on records that nobody touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from gonogo.checklist.gathering import moment_of
from gonogo.checklist.sources import Attested
from gonogo.errors import GonogoError
from gonogo.record.listing import named
from gonogo.signing.checking import check_signoffs, numbers_in
from gonogo.signing.integrity import open_closed


def attestations(
    archive_dir: Path, allowed_signers: Path | None, since: datetime | None
) -> dict[str, Attested]:
    """The newest word of a verified sign-off on each item.

    Args:
        archive_dir: The archive.
        allowed_signers: Who may sign; without it nobody's word is proved.
        since: Only records that began then or later are of this rollout.

    Raises:
        OSError: The archive cannot be read.
    """
    found: dict[str, Attested] = {}
    if allowed_signers is None or not archive_dir.is_dir():
        return found
    for place in archive_dir.iterdir():
        for directory, match in named(place):
            about = moment_of(match["moment"])
            if (since is None or about >= since) and numbers_in(directory):
                for name, word in _words(directory, about, allowed_signers):
                    if name not in found or found[name].at <= word.at:
                        found[name] = word
    return found


def _words(
    directory: Path, about: datetime, allowed_signers: Path
) -> Iterator[tuple[str, Attested]]:
    """What is attested on a record that nobody touched; nothing where that cannot be proved."""
    try:
        closed = open_closed(directory)
        checked = check_signoffs(closed, allowed_signers)
    except GonogoError:
        return
    if closed.problems:
        return
    for check in checked:
        if check.signoff and not check.problems:
            source = f"{directory.name}/{check.name}"
            word = Attested(check.signoff.by, check.signoff.signed_at, source, about)
            yield from ((item.id, word) for item in check.signoff.attested)
