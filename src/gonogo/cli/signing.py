"""``gonogo sign_off`` and ``verify_record``: a person's decision, and the proof of a record."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.cli.inputs import A_RECORD, masked
from gonogo.errors import GonogoError, SigningError, UsageError
from gonogo.model.kinds import Decision, Environment, ItemState
from gonogo.report.text import BAD, QUIET

if TYPE_CHECKING:
    from gonogo.config.sections import RolloutConfig
    from gonogo.record.canonical import Anchor
    from gonogo.report.narration import Narration
    from gonogo.signing.admission import Request
    from gonogo.signing.signoffs import Checked
    from gonogo.signing.verification import Report


def sign_off(  # noqa: PLR0913  # each is an option of the command
    record: Annotated[str, typer.Argument(metavar="RECORD", help=A_RECORD)],
    *,
    decision: Annotated[Decision, typer.Option(help="The decision.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who you are in allowed_signers.")],
    attest: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Tick a checklist item; repeatable.")
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(metavar="REASON", parser=masked, help="Sign go on what is not GO; recorded."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="FILE", help="The key; by default one that may sign.")
    ] = None,
    target: Annotated[
        Environment, typer.Option("--for", help="The environment that go is for.")
    ] = Environment.PRODUCTION,
) -> None:
    """Sign a decision on a record; the record itself never changes."""
    from gonogo.config.sections import find_record, project_here
    from gonogo.signing.admission import Request

    project, config = project_here()
    request = Request(
        find_record(record, config.archive_dir),
        decision,
        by,
        _allowed_signers(config),
        os.environ,
        target=target,
        attest=attest or (),
        override=override,
        key=key,
    )
    _publish(config)
    _sign(request, project.templates_dir)
    _publish(config)


def _publish(config: RolloutConfig) -> None:
    """Move the git ref on that rollout.toml names; what it misses is not signed over."""
    if config.anchor:
        from gonogo.rollout.anchors import publish

        publish(config.anchor, config.archive_dir, os.environ)


def _allowed_signers(config: RolloutConfig) -> Path:
    if config.allowed_signers is None:
        raise UsageError(
            "rollout.toml does not say who may sign", 'set allowed_signers = "allowed_signers"'
        )
    if not config.allowed_signers.is_file():
        raise UsageError(
            f"there is no file {config.allowed_signers}, which says who may sign",
            "write one: docs/sign-off.md shows how",
        )
    return config.allowed_signers


def _sign(request: Request, templates_dir: Path) -> None:
    from dataclasses import replace

    from gonogo.record.canonical import SIGNATURES_PAGE
    from gonogo.report.narration import Narration
    from gonogo.signing.admission import attestable, examine, require_allowed
    from gonogo.signing.sign import show_signatures
    from gonogo.signing.sign import sign_off as sign

    narration = Narration.to_terminal()
    examined = examine(request.directory, request.allowed_signers)
    require_allowed(examined.record, request)
    if not request.attest and sys.stdin.isatty():
        narration.chapter(f"Sign {examined.closed.name}: {request.decision}")
        signed = [check.signoff for check in examined.signoffs if check.signoff]
        ticked = {one.id for signoff in signed for one in signoff.attested}
        items = attestable(examined.record, ItemState.OPEN)
        asked = {name: text for name, text in items.items() if name not in ticked}
        request = replace(request, attest=_asked(narration, asked))
    done = sign(request)
    show_signatures(request.directory, templates_dir)
    narration.say(f'signed "{done.signoff.decision}" by {done.signoff.by}', "bold")
    narration.say(f"  key       {done.fingerprint}")
    for place, one in enumerate(done.signoff.attested):
        narration.say(f"  {'' if place else 'attested':<9} {one.id}: {one.text}")
    narration.say(f"  sign-off  {done.path}")
    narration.say(f"  page      {done.path.with_name(SIGNATURES_PAGE)}")


def _asked(narration: Narration, items: dict[str, str]) -> tuple[str, ...]:
    """The items that a person at the terminal ticks."""
    if not items:
        return ()
    narration.say("Which of these do you attest? y ticks one, anything else leaves it open.")
    ticked = []
    for name, text in items.items():
        # On standard error, so that it is seen when standard output goes into a file.
        sys.stderr.write(f"  {text} ({name}) [y/N] ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise GonogoError("cancelled: nothing was signed")
        if line.strip().lower() in {"y", "yes"}:
            ticked.append(name)
    return tuple(ticked)


def verify_record(
    record: Annotated[str | None, typer.Argument(metavar="RECORD", help=A_RECORD)] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every record, and their chains.")] = False,
) -> None:
    """Prove that a record was not changed since it was closed."""
    from gonogo.config.sections import find_record, project_here
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
        kept = list(_kept(narration, config))
        reports = verify_archive(config.archive_dir, signers, project.templates_dir, kept)
    broken = [report.title for report in reports if not _show(narration, report)]
    if broken:
        raise SigningError(f"not proved: {', '.join(broken)}", "what is wrong is listed above")


def _kept(narration: Narration, config: RolloutConfig) -> Iterator[Anchor]:
    """The heads of the archive's chains that are kept elsewhere, where that can be asked."""
    from gonogo.postgres.dsn import database_settings

    if config.anchor:
        from gonogo.rollout.anchors import published

        yield from published(config.anchor, os.environ)
    try:
        database = database_settings(os.environ)
    except UsageError as error:
        narration.say(f"- no ledger was asked: {error.problem}", QUIET)
        return
    from gonogo.rollout.anchors import of_ledger

    try:
        yield from of_ledger(database)
    except GonogoError as error:
        narration.say(f"- the ledger was not asked: {error}", QUIET)


def _show(narration: Narration, report: Report) -> bool:
    """Show what is proved of a record; returns whether all of it is."""
    narration.say(f"{'✗' if report.problems else '✓'} {report.title}", "bold")
    for problem in report.problems:
        narration.say(f"    ✗ {problem}", BAD)
    for check in report.signoffs:
        if not check.problems:
            narration.say(f"    ✓ {_described(check)}")
    for note in report.notes:
        narration.say(f"    - {note}", QUIET)
    return not report.problems


def _described(check: Checked) -> str:
    from gonogo.signing.signoffs import said_at

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
