"""``gonogo monitor`` and ``final_report``: the soak as it goes on, and at its end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gonogo.config.project import Project
from gonogo.model.kinds import Environment
from gonogo.model.window import DEFAULT_WINDOW, format_duration


def monitor(
    context: typer.Context,
    environment: Annotated[Environment, typer.Argument(help="Which one.")],
    window: Annotated[str, typer.Argument(help="How much to judge: 24h, 7d, 14d, any.")] = "",
) -> None:
    """Judge, archive a record, and tell every figure; takes the options of `pytest checks/`."""
    from gonogo.process import run_gate_process

    root = Project.find(Path.cwd()).root
    more = list(context.args)
    if window.startswith("-"):
        # An option came first: the window is the environment's own.
        window, more = "", [window, *more]
    length = window or format_duration(DEFAULT_WINDOW[environment])
    words = [sys.executable, "-m", "pytest", "checks/", "-q", "--figures"]
    words += [f"--environment={environment}", f"--window={length}", *more]
    raise typer.Exit(run_gate_process(words, cwd=root).returncode)


def final_report(
    environment: Annotated[
        Environment, typer.Argument(help="Whose soak it is the end of.")
    ] = Environment.PRODUCTION,
) -> None:
    """Sum up a whole soak from the archive: one more record, to be signed."""
    from gonogo.cli.inputs import project_here
    from gonogo.gate.summary import sum_up
    from gonogo.report.narration import Narration
    from gonogo.report.terminal import STYLES
    from gonogo.rollout.checklist import checklist_desk

    project, config = project_here()
    desk = checklist_desk(project, config)
    told = sum_up(desk, environment, project.templates_dir)
    narration = Narration.to_terminal()
    narration.chapter(told.record.title)
    narration.say(f"  {told.verdict}", STYLES[told.verdict])
    for line in told.lines:
        narration.say(f"    {line}")
    narration.say(f"  record    {told.directory / 'record.html'}")
    raise typer.Exit(told.verdict.exit_code)
