"""What the code never does, read from its syntax: no shell, no evaluation, no SQL out of values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("src", "checks", "lab", "noxfile.py", "conftest.py")
FILES = [
    path
    for place in PLACES
    for path in sorted((ROOT / place).rglob("*.py") if (ROOT / place).is_dir() else [ROOT / place])
]
# By their last names: also what an object of that name would offer, which nobody here needs.
NEVER_CALLED = {
    "os.system",
    "os.popen",
    "os.spawnl",
    "os.spawnv",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "eval",
    "exec",
    "__import__",
    "tempfile.mktemp",
    "yaml.load",
    "ssl._create_unverified_context",
}
NEVER_IMPORTED = {"pickle", "marshal", "shelve", "dill", "telnetlib", "ftplib", "yaml"}
STARTS = {"subprocess.run", "subprocess.Popen", "subprocess.check_call", "subprocess.check_output"}
# What takes SQL as its first argument.
TAKES_SQL = {"execute", "executemany", "copy", "SQL", "stream"}
Check = Callable[[ast.AST], str]


def dotted(node: ast.AST) -> str:
    """A name as it is written, ``os.system``; empty for what is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else f".{node.attr}"
    return ""


def evaluates(node: ast.AST) -> str:
    """A call that turns text into code or a shell's line, or an import of what does."""
    if isinstance(node, ast.Call) and dotted(node.func) in NEVER_CALLED:
        return dotted(node.func)
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
    return next((name for name in names if name.partition(".")[0] in NEVER_IMPORTED), "")


def starts_a_shell(node: ast.AST) -> str:
    """A program that is started by anything but a list of words, or with a shell."""
    if not isinstance(node, ast.Call):
        return ""
    shell = any(one.arg == "shell" for one in node.keywords)
    if dotted(node.func) in STARTS and (shell or not node.args or _is_text(node.args[0])):
        return ast.unparse(node.func)
    return "shell" if shell else ""


def trusts_anybody(node: ast.AST) -> str:
    """A connection that checks no certificate."""
    if isinstance(node, ast.keyword) and node.arg in {"verify", "check_hostname"}:
        return node.arg if _is(node.value, value=False) else ""
    return "CERT_NONE" if dotted(node).endswith("CERT_NONE") else ""


def makes_sql(node: ast.AST) -> str:
    """SQL that is put together from more than constants of the module: never from a value."""
    if not (isinstance(node, ast.Call) and node.args):
        return ""
    name = dotted(node.func).rpartition(".")[2]
    if name not in TAKES_SQL:
        return ""
    made = any(map(_is_made, ast.walk(node.args[0])))
    return f"{name}({ast.unparse(node.args[0])})" if made else ""


CHECKS: tuple[Check, ...] = (evaluates, starts_a_shell, trusts_anybody, makes_sql)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is(node: ast.AST, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id.isupper()


def _is_made(node: ast.AST) -> bool:
    if isinstance(node, ast.FormattedValue):
        return not _is_constant(node.value)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod)
    return False


def findings(path: Path, check: Check) -> Iterator[str]:
    """Where a file does what it must not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if found := check(node):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}: {found}"


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_code_never(check: Check) -> None:
    """No file of the project does it, the stand-in application's included."""
    assert [found for path in FILES for found in findings(path, check)] == []


@pytest.mark.parametrize(
    ("check", "code"),
    [
        (evaluates, "eval(text)"),
        (evaluates, "import pickle"),
        (evaluates, "os.system('ls')"),
        (starts_a_shell, "subprocess.run('ls -l')"),
        (starts_a_shell, "subprocess.run(f'ls {name}')"),
        (starts_a_shell, "subprocess.Popen(words, shell=True)"),
        (trusts_anybody, "httpx.get(url, verify=False)"),
        (trusts_anybody, "context.verify_mode = ssl.CERT_NONE"),
        (makes_sql, "connection.execute(f'select {value}')"),
        (makes_sql, "connection.execute('select ' + value)"),
        (makes_sql, "cursor.copy('copy %s to stdout' % table)"),
        (makes_sql, "sql.SQL(f'select {value}')"),
    ],
)
def test_it_would_be_found(check: Check, code: str) -> None:
    """Each check finds what it is there for."""
    assert any(check(node) for node in ast.walk(ast.parse(code)))
