"""``gonogo verify_record``: the proof that nobody touched a record, or what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.inputs import A_RECORD, find_record
from gonogo.errors import SigningError, UsageError

if TYPE_CHECKING:
    from gonogo.report.narration import Narration
    from gonogo.signing.checking import Checked
    from gonogo.signing.verification import Report
from gonogo.cli.inputs import project_here


def verify_record(
    record: Annotated[str | None, typer.Argument(metavar="RECORD", help=A_RECORD)] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every record, and their chains.")] = False,
) -> None:
    """Prove that nobody touched a record since it was closed."""
    from gonogo.report.narration import Narration
    from gonogo.signing.verification import verify_archive
    from gonogo.signing.verification import verify_record as prove

    project, config = project_here()
    if (record is None) != every:
        raise UsageError("name one record, or --all")
    narration, signers = Narration.to_terminal(), config.allowed_signers
    if record is not None:
        directory = find_record(record, config.archive_dir)
        reports: Iterable[Report] = [prove(directory, signers, project.templates_dir)]
    elif not config.archive_dir.is_dir():
        raise UsageError(f"there is no archive {config.archive_dir}", "run a gate first")
    else:
        reports = verify_archive(config.archive_dir, signers, project.templates_dir)
    broken = [report.title for report in reports if not _tell(narration, report)]
    if broken:
        raise SigningError(f"not proved: {', '.join(broken)}", "what is wrong is told above")


def _tell(narration: Narration, report: Report) -> bool:
    """Tell what is proved of one; whether it is."""
    narration.say(f"{'✗' if report.problems else '✓'} {report.title}", "bold")
    for problem in report.problems:
        narration.say(f"    ✗ {problem}", "red")
    for check in report.signoffs:
        if not check.problems:
            narration.say(f"    ✓ {_told(check)}")
    for note in report.notes:
        narration.say(f"    - {note}", "dim")
    return not report.problems


def _told(check: Checked) -> str:
    from gonogo.signing.document import said_at

    signed = check.signoff
    if signed is None:
        return check.name
    where = f" for {signed.target}" if signed.target else ""
    reason = f", overriding: {signed.override}" if signed.override else ""
    number = len(signed.attested)
    ticked = f", {number} item{'s' if number > 1 else ''} attested" if number else ""
    return (
        f'{check.name}: "{signed.decision}"{where} by {signed.by}, {said_at(signed.signed_at)}'
        f"{ticked}{reason} ({check.fingerprint})"
    )
