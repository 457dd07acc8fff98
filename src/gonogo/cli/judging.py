"""``gonogo gate``, ``verify`` and ``criteria``: what is judged, now, and by what."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gonogo.command_line import command
from gonogo.config.project import MARKER, Project
from gonogo.errors import GonogoError, UsageError
from gonogo.model.kinds import Outcome, VerdictKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gonogo.application.smoke import SmokeAnswer
    from gonogo.config import RolloutConfig
    from gonogo.gate.verification import Verification
    from gonogo.report.narration import Narration

MARKS = {
    Outcome.MET: ("✓", "green"),
    Outcome.WARNING: ("!", "yellow"),
    Outcome.LEFT_OUT: ("-", "dim"),
    Outcome.INCONCLUSIVE: ("?", "yellow"),
}
WRONG = ("✗", "red")
SMOKE_MARKS = {"ok": ("✓", "green"), "inconclusive": ("?", "yellow")}


def gate(context: typer.Context) -> None:
    """Judge the live database; takes the options of `pytest checks/`."""
    from gonogo.process import run_gate_process

    root = Project.find(Path.cwd()).root
    words = [sys.executable, "-m", "pytest", "checks/", *context.args]
    raise typer.Exit(run_gate_process(words, cwd=root).returncode)


def verify(
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV, else the ledger.")
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Also send the requests that change something.")
    ] = False,
) -> None:
    """See right after a deployment that schema, endpoints and ledger are in place."""
    from gonogo.config import RolloutConfig
    from gonogo.gate.setting import Options
    from gonogo.gate.verification import verify as find_out
    from gonogo.postgres.dsn import database_settings, named_environment
    from gonogo.postgres.readonly import Manners
    from gonogo.report.english import reason_of
    from gonogo.report.narration import Narration

    project = Project.find(Path.cwd())
    config = RolloutConfig.load(project.root / MARKER)
    options = Options(
        environment=named_environment(os.environ, environment),
        without=frozenset(config.without),
        endpoints=config.http,
        manners=Manners(anchor=config.application.anchor),
        migrations_dir=config.migrations_dir,
        migrations_from=config.migrations_from,
    )
    found = find_out(project, options, database_settings(os.environ), os.environ)
    narration = Narration.to_terminal()
    narration.chapter(f"Is all in place in {found.environment}?")
    for finding in found.findings:
        mark, style = MARKS.get(finding.outcome, WRONG)
        metric = found.metrics[finding.metric]
        narration.say(f"  {mark} {metric.title}: {reason_of(finding, metric)}", style)
    verified = not found.exit_code
    narration.say(f"{'verified' if verified else 'NOT verified'}: {found.tally}", "bold")
    codes = {found.exit_code, _smoke(narration, project, config, found) if smoke else 0}
    # What is wrong weighs more than what cannot be told.
    raise typer.Exit(min(codes - {0}, default=0))


def _smoke(
    narration: Narration, project: Project, config: RolloutConfig, found: Verification
) -> int:
    """Send the smoke requests, and keep a record; the exit code that their answers come to."""
    from gonogo.application.answers import AnswerKind
    from gonogo.application.smoke import send_smoke
    from gonogo.application.smoke_record import Occasion, smoke_recorded
    from gonogo.masking import Mask
    from gonogo.report.pages import RecordPages
    from gonogo.rollout.checklist import checklist_desk

    if not config.http.smoke_names:
        raise UsageError("rollout.toml has no smoke request", 'add one to it: asked_by = ["smoke"]')
    narration.chapter("Smoke requests, which change something")

    def sent() -> Iterator[SmokeAnswer]:
        for one in send_smoke(config.http, os.environ):
            mark, style = SMOKE_MARKS.get(one.answer.kind.value, WRONG)
            narration.say(
                f"  {mark} {one.answer.name} {one.answer.url}: {one.answer.reason}", style
            )
            yield one

    occasion = Occasion(found.environment, found.simulated, found.provenance)
    desk, mask = checklist_desk(project, config), Mask.of(os.environ)
    pages = RecordPages(project.templates_dir)
    answers, record = smoke_recorded(occasion, desk, pages, mask, sent)
    narration.say(f"  record    {record}")
    kinds = {one.answer.kind for one in answers}
    if AnswerKind.FAILED in kinds:
        return 1
    return VerdictKind.HOLD.exit_code if AnswerKind.INCONCLUSIVE in kinds else 0


def criteria(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the page is not current.")
    ] = False,
) -> None:
    """Write docs/criteria.md: what a rollout is judged by, from checks/criteria.toml."""
    from gonogo.criteria import load
    from gonogo.report.criteria_page import page

    project = Project.find(Path.cwd())
    told, file = page(load(project.criteria_file, project.sql_dir)), project.criteria_page
    shown = file.relative_to(project.root)
    if file.is_file() and file.read_text(encoding="utf-8") == told:
        typer.echo(f"{shown} is current")
    elif check:
        problem = f"{shown} is not what checks/criteria.toml says"
        raise GonogoError(problem, f"run {command('criteria')}")
    else:
        file.parent.mkdir(exist_ok=True)
        file.write_text(told, encoding="utf-8")
        typer.echo(f"{shown} is written anew")


def schema(
    file: Annotated[Path, typer.Argument(help="The file: docs/record.schema.json.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the file is not current.")
    ] = False,
) -> None:
    """Write the JSON Schema of record.json, made from the types that are the record."""
    from gonogo.record.schema import record_schema

    made = record_schema()
    if file.is_file() and file.read_text(encoding="utf-8") == made:
        typer.echo(f"{file} is current")
    elif check:
        raise GonogoError(
            f"{file} is not what a record holds", f"run {command('schema', str(file))}"
        )
    else:
        file.write_text(made, encoding="utf-8")
        typer.echo(f"{file} is written anew")
