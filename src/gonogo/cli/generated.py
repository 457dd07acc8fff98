"""``gonogo criteria``, ``reference``, ``schema`` and ``grants``: files that are generated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gonogo.config.project import Project
from gonogo.errors import GonogoError
from gonogo.report.text import visible
from gonogo.screen import command


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
    file = project.criteria_page
    shown = file.relative_to(project.root)
    made = page(load(project.criteria_file, project.sql_dir))
    stale = GonogoError(
        f"{shown} is not what checks/criteria.toml says", f"run {command('criteria')}"
    )
    _keep_current(file, made, shown, stale if check else None)


def reference(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the page is not current.")
    ] = False,
) -> None:
    """Write docs/reference.md: commands, options, rollout.toml, variables, exit codes."""
    from gonogo.cli import app
    from gonogo.cli.reference import page

    project = Project.find(Path.cwd())
    file = project.root / "docs" / "reference.md"
    shown = file.relative_to(project.root)
    stale = GonogoError(f"{shown} is not what gonogo does", f"run {command('reference')}")
    _keep_current(file, page(app), shown, stale if check else None)


def schema(
    file: Annotated[Path, typer.Argument(help="The file: docs/record.schema.json.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the file is not current.")
    ] = False,
) -> None:
    """Write the JSON Schema of record.json, made from the types that are the record."""
    from gonogo.record.schema import record_schema

    remedy = f"run {command('schema', str(file))}"
    stale = GonogoError(f"{file} is not what a record holds", remedy)
    _keep_current(file, record_schema(), file, stale if check else None)


def grants(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when a file is not current.")
    ] = False,
) -> None:
    """Write roles/*.sql: what the gate and the deployer may do, from checks/sql."""
    from gonogo.rollout.grants import ROLES, readable, role_script

    project = Project.find(Path.cwd())
    tables = readable(project.sql_dir)
    for name in ROLES:
        text, file = role_script(name, tables), project.root / "roles" / name
        shown = file.relative_to(project.root)
        stale = GonogoError(f"{shown} is not what the surveys ask for", "run gonogo grants")
        _keep_current(file, text, shown, stale if check else None)


def _keep_current(file: Path, content: str, shown: Path, stale: GonogoError | None) -> None:
    """Write a generated file that is not current, or raise `stale` where that is given."""
    from gonogo.record.files import refusal_explained

    if file.is_file() and file.read_bytes() == content.encode():
        typer.echo(f"{visible(shown)} is current")
    elif stale:
        raise stale
    else:
        with refusal_explained(f"{shown} cannot be written"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(content, encoding="utf-8")
        typer.echo(f"{visible(shown)} is written anew")
