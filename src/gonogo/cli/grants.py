"""``gonogo grants``: the least-privilege roles as SQL, made of the surveys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gonogo.config.project import Project
from gonogo.errors import GonogoError

DIRECTORY = "roles"


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
        text, file = role_script(name, tables), project.root / DIRECTORY / name
        shown = file.relative_to(project.root)
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            typer.echo(f"{shown} is current")
        elif check:
            raise GonogoError(f"{shown} is not what the surveys ask for", "run gonogo grants")
        else:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
            typer.echo(f"{shown} is written anew")
