"""``gonogo gate``, ``monitor``, ``final_report`` and ``verify``: a deployment is judged."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from gonogo.cli.databases import OfFleet, settings_of
from gonogo.config.project import Project
from gonogo.errors import UsageError
from gonogo.model.kinds import EXIT_CODES, Environment, Outcome, VerdictKind
from gonogo.report.text import BAD, GOOD, OPEN, QUIET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gonogo.application.smoke import SmokeAnswer
    from gonogo.config.sections import RolloutConfig
    from gonogo.gate.verification import Verification
    from gonogo.report.narration import Narration

MARKS = {
    Outcome.MET: ("✓", GOOD),
    Outcome.WARNING: ("!", OPEN),
    Outcome.LEFT_OUT: ("-", QUIET),
    Outcome.INCONCLUSIVE: ("?", OPEN),
}
WRONG = ("✗", BAD)
IDENTITY_MARKS = {"proved": ("✓", GOOD), "not proved": ("?", OPEN)}
IDENTITY_TIMEOUT_S = 5.0
SMOKE_MARKS = {"ok": ("✓", GOOD), "inconclusive": ("?", OPEN)}


class Judging(TyperCommand):
    """A command that hands its options on to pytest; its help lists them."""

    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override]  # as typer calls it
        """Show the options of ``pytest checks/`` below its own."""
        from gonogo.plugin import OPTIONS

        rows = [
            (f"--{name} {attributes.get('metavar', '')}".rstrip(), str(attributes["help"]))
            for name, attributes in OPTIONS.items()
        ]
        rows += [("--strict", "warnings are NO-GO"), ("-q", "print nothing but the verdict")]
        formatter = ctx.make_formatter()
        with formatter.section("Options of pytest checks/"):
            formatter.write_dl(rows)
        return f"{super().get_help(ctx)}\n\n{formatter.getvalue()}"


def gate(context: typer.Context) -> None:
    """Judge the live database; takes the options of `pytest checks/`."""
    _run_gate(*context.args)


def monitor(
    context: typer.Context,
    environment: Annotated[Environment, typer.Argument(help="What to judge.")],
    window: Annotated[str, typer.Argument(help="How much to judge: 24h, 7d, 14d, any.")] = "",
) -> None:
    """Judge, archive a record and show every figure; takes the options of `pytest checks/`."""
    from gonogo.model.measurement import DEFAULT_WINDOW, format_duration

    more = list(context.args)
    if window.startswith("-"):
        # An option came first: the window is the environment's own.
        window, more = "", [window, *more]
    length = window or format_duration(DEFAULT_WINDOW[environment])
    _run_gate("-q", "--figures", f"--environment={environment}", f"--window={length}", *more)


def final_report(
    environment: Annotated[
        Environment, typer.Argument(help="The environment of the soak.")
    ] = Environment.PRODUCTION,
) -> None:
    """Sum up a whole soak from the archive: one more record, to be signed."""
    from gonogo.checklist.entries import checklist_desk
    from gonogo.config.sections import project_here
    from gonogo.gate.summary import sum_up
    from gonogo.report.narration import Narration
    from gonogo.report.terminal import STYLES

    project, config = project_here()
    summed_up = sum_up(checklist_desk(project, config), environment, project.templates_dir)
    narration = Narration.to_terminal()
    narration.chapter(summed_up.record.title)
    narration.say(f"  {summed_up.verdict}", STYLES[summed_up.verdict])
    for line in summed_up.lines:
        narration.say(f"    {line}")
    narration.say(f"  record    {summed_up.directory / 'record.html'}")
    if config.notifications:
        from gonogo.report.notification import notify

        record, directory = summed_up.record, summed_up.directory
        for line in notify(record, directory, config.notifications, os.environ):
            narration.say(f"  {line}")
    raise typer.Exit(EXIT_CODES[summed_up.verdict])


def _run_gate(*options: str) -> None:
    from gonogo.process import run_gate_process

    if not {"--version", "-V"}.isdisjoint(options):
        # pytest answers it before it loads anything: exit code 0 would be no verdict's.
        raise UsageError("nothing is judged with --version", "ask pytest --version")
    # Last, so that no variable leaves the gate itself out.
    words = [sys.executable, "-m", "pytest", "checks/", *options, "-p", "gonogo.plugin"]
    raise typer.Exit(run_gate_process(words, cwd=Project.find(Path.cwd()).root).returncode)


def verify(
    *,
    environment: Annotated[
        str | None, typer.Option(help="staging or production; else NODE_ENV, else the ledger.")
    ] = None,
    database: OfFleet = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Also send the requests that change something.")
    ] = False,
) -> None:
    """Verify right after a deployment that schema, endpoints and ledger are in place."""
    from gonogo.config.project import judged_by
    from gonogo.config.sections import project_here
    from gonogo.gate.setting import Options
    from gonogo.gate.verification import verify as find_out
    from gonogo.postgres.dsn import named_environment
    from gonogo.postgres.readonly import Manners
    from gonogo.report.english import reason_of
    from gonogo.report.narration import Narration

    project, config = project_here()
    options = Options(
        environment=named_environment(os.environ, environment),
        without=frozenset(config.without),
        endpoints=config.http,
        manners=Manners(anchor=config.application.anchor),
        migrations_dir=config.migrations_dir,
        migrations_from=config.migrations_from,
        migrations_to=config.migrations_to,
        judged_by=judged_by(project, config),
    )
    found = find_out(project, options, settings_of(environment, database), os.environ)
    narration = Narration.to_terminal()
    narration.chapter(f"Is all in place in {found.environment}?")
    for finding in found.findings:
        mark, style = MARKS.get(finding.outcome, WRONG)
        metric = found.metrics[finding.metric]
        narration.say(f"  {mark} {metric.title}: {reason_of(finding, metric)}", style)
    who = _who_answers(narration, config, found)
    verified = not found.exit_code and not who
    narration.say(f"{'verified' if verified else 'NOT verified'}: {found.tally}", "bold")
    codes = {
        found.exit_code,
        who,
        _smoke(narration, project, config, found) if smoke else 0,
    }
    # A failure weighs more than what is inconclusive.
    raise typer.Exit(min(codes - {0}, default=0))


def _who_answers(narration: Narration, config: RolloutConfig, found: Verification) -> int:
    """Show of each instance whether it runs what was deployed; 1 where one does not."""
    from gonogo.application.identity import Proof, State, judge_running, look

    subject = found.provenance.subject
    base_url = os.environ.get(config.http.base_url or "", "").strip()
    if subject is None or not base_url or "endpoints" in config.without:
        return 0
    section = config.environments.get(found.environment)
    addresses = (section.instances if section else ()) or (base_url,)
    wrong = False
    for address in addresses:
        seen = look(address, config.identity, timeout_s=IDENTITY_TIMEOUT_S)
        proof, why = judge_running(seen, subject.revision)
        if seen.state is not State.ANSWERS:
            # The checks of the endpoints say so, and count it.
            continue
        mark, style = IDENTITY_MARKS.get(proof.value, WRONG)
        wrong = wrong or proof is Proof.WRONG
        unproved = f"{proof.value}: " if proof is Proof.NOT_PROVED else ""
        narration.say(f"  {mark} {unproved}{address} {why}", style)
    return 1 if wrong else 0


def _smoke(
    narration: Narration, project: Project, config: RolloutConfig, found: Verification
) -> int:
    """Send the smoke requests, and keep a record; the exit code that their answers come to."""
    from gonogo.application.exchange import AnswerKind
    from gonogo.application.smoke import Occasion, send_smoke, smoke_recorded
    from gonogo.checklist.entries import checklist_desk
    from gonogo.masking import Mask
    from gonogo.report.index import RecordPages

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
    return EXIT_CODES[VerdictKind.HOLD] if AnswerKind.INCONCLUSIVE in kinds else 0
