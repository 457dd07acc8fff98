"""docs/reference.md: current, and whole."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gonogo.cli import app
from gonogo.cli.reference import page

ROOT = Path(__file__).parents[3]
SOURCES = [path for path in (ROOT / "src" / "gonogo").rglob("*.py") if "sandbox" not in path.parts]


def test_the_page_is_what_gonogo_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else run gonogo reference."""
    monkeypatch.chdir(ROOT)
    said = CliRunner().invoke(app, ["reference", "--check"])
    assert (said.exit_code, said.output) == (0, "docs/reference.md is current\n")


def test_a_new_option_shows() -> None:
    """A command that is added is on the page, with what its help says."""
    other = typer.Typer()

    @other.command()
    def one(*, colour: str = typer.Option("red", help="The lamp's | colour.")) -> None:
        """Light a lamp."""

    other.command()(lambda: None)
    made = page(other)
    assert "### `gonogo one`\n\nLight a lamp.\n" in made
    assert "| `--colour` | The lamp's \\| colour. Default: `red`. |" in made


def test_every_variable_that_is_read_is_named() -> None:
    """A variable that the code asks for by its name stands on the page."""
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    read = {name for path in SOURCES for name in asked(ast.parse(path.read_text("utf-8")))}
    assert read
    assert sorted(name for name in read if f"`{name}`" not in text) == []


def asked(tree: ast.AST) -> set[str]:
    """The names of variables in ``environ["NAME"]`` and ``environ.get("NAME")``."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=place, slice=ast.Constant(value=str() as name)):
                pass
            case ast.Call(
                func=ast.Attribute(value=place, attr="get"),
                args=[ast.Constant(value=str() as name), *_],
            ):
                pass
            case _:
                continue
        if ast.unparse(place).endswith("environ"):
            found.add(name)
    return found
