"""Tests that a page names as the proof of what it promises."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def is_there(file: str, name: str) -> bool:
    """Whether pytest would collect a test function of this name from this file of the project."""
    path = ROOT / file
    if not path.is_file() or not path.name.startswith("test_") or not file.startswith("tests/"):
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return name.startswith("test_") and name in functions
