"""The golden tests are complete."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gonogo import criteria
from gonogo.config.project import Project

HERE = Path(__file__).parent
PROJECT = Project(HERE.parents[3])
# These ask the same of many metrics; none of them shows how one is counted.
NOT_GOLDEN = {"test_catalogue", "test_emptiness", "test_limits", "test_properties", "test_windows"}
METRICS = criteria.load(PROJECT.criteria_file, PROJECT.sql_dir).metrics


def measured(path: Path) -> Iterator[str]:
    """Metrics that a file's tests measure: in a call, or as the key of a table of cases."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        words: list[ast.expr | None] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            words = list(node.args[:1]) if node.func.attr == "measured" else []
        elif isinstance(node, ast.Dict):
            words = node.keys
        for word in words:
            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                yield word.value


GOLDEN = {
    name
    for path in HERE.glob("test_*.py")
    if path.stem not in NOT_GOLDEN
    for name in measured(path)
}


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_golden_test(metric: str) -> None:
    """One whose figures can be counted in the test itself."""
    assert metric in GOLDEN
