"""The proof that a record was not changed, or exactly what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gonogo.errors import SigningError
from gonogo.record.canonical import CHAIN, Anchor, signoff_numbers
from gonogo.record.files import named
from gonogo.record.listing import RUNNING
from gonogo.signing import ssh
from gonogo.signing.chain import Report, chained, linked, verify_chain
from gonogo.signing.integrity import open_closed, unlike_record
from gonogo.signing.sign import page_problem
from gonogo.signing.signoffs import check_signoffs, strays

__all__ = ["Report", "verify_archive", "verify_record"]


def verify_record(directory: Path, allowed_signers: Path | None, templates_dir: Path) -> Report:
    """Prove a closed record untouched.

    Args:
        directory: The record's.
        allowed_signers: Who may sign; needed where somebody did.
        templates_dir: The templates of the page.

    Raises:
        UsageError: There is no record.
        SigningError: The run goes on or was aborted, or signatures cannot be verified here.
        OSError: The archive or a template cannot be read.
    """
    closed = open_closed(directory)
    if allowed_signers is None and signoff_numbers(directory):
        raise SigningError(
            f"{closed.name} is signed, but rollout.toml does not say who may sign",
            "name allowed_signers there",
        )
    checked = check_signoffs(closed, allowed_signers) if allowed_signers else ()
    problems, notes = list(closed.problems), []
    if closed.record and not closed.problems:
        unlike = unlike_record(closed, templates_dir)
        problems += [f"{name} is not what record.json renders to" for name in unlike or ()]
        if unlike is None:
            notes.append("its page is another renderer's, so it is proved by its hash alone")
    problems += [*(one for check in checked for one in check.problems), *strays(directory)]
    if closed.record and not problems:
        wrong, open_page = page_problem(closed, templates_dir)
        problems += filter(None, [wrong])
        notes += filter(None, [open_page])
    wrong_link, open_link = linked(closed)
    problems += wrong_link
    notes += open_link
    problems += chained(closed)
    if not checked:
        notes.append("it is not signed: only the records after it stand behind its hashes")
    return Report(directory, closed.name, tuple(problems), tuple(notes), checked, closed)


def verify_archive(
    archive_dir: Path,
    allowed_signers: Path | None,
    templates_dir: Path,
    anchors: Iterable[Anchor] = (),
) -> Iterator[Report]:
    """Prove every record of an archive, then each environment's chain.

    Args:
        archive_dir: The archive; where there is none, nothing but what an anchor knows is missing.
        allowed_signers: Who may sign.
        templates_dir: The templates of the pages.
        anchors: Heads of its chains that are kept elsewhere; the sign-offs hold more.

    Raises:
        SigningError: Signatures cannot be verified here.
        OSError: The archive or a template cannot be read.
    """
    if allowed_signers:
        ssh.require_program()
    known = list(anchors)
    chains = {archive_dir / one.environment for one in known}
    places = archive_dir.iterdir() if archive_dir.is_dir() else ()
    for place in sorted(path for path in places if path.is_dir()):
        closed = sorted(path for path, match in named(place) if match["label"] != RUNNING)
        for directory in closed:
            report = verify_record(directory, allowed_signers, templates_dir)
            known += _signed_heads(report)
            yield report
        if closed or (place / CHAIN).exists():
            chains.add(place)
    for place in sorted(chains):
        yield verify_chain(place, known)


def _signed_heads(report: Report) -> Iterator[Anchor]:
    for check in report.signoffs:
        if check.signoff and not check.problems:
            for environment, head in check.signoff.heads.items():
                yield Anchor(f"{check.name} of {report.title}", environment, head)
