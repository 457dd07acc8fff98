"""Where pytest's own reports and its words go while a gate runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

import pytest

from gonogo.gate.run import GateRun
from gonogo.plugin.options import DEST

STANDARD_OUTPUT = pytest.StashKey[TextIO]()


@contextmanager
def told_apart(config: pytest.Config) -> Iterator[None]:
    """With ``--json -`` standard output is the record's alone: pytest tells on standard error."""
    if config.getoption(DEST.format("json")) != "-":
        yield
        return
    config.stash[STANDARD_OUTPUT] = sys.stdout
    with redirect_stdout(sys.stderr):
        yield


def stage_reports(config: pytest.Config, run: GateRun) -> None:
    """Have pytest-html and junitxml write for us; where the user asked for a file, it is a copy.

    Both read these options in their own configure, which comes after ours.
    """
    if not all(map(config.pluginmanager.hasplugin, ("html", "metadata", "junitxml"))):
        needed = "pytest-html, pytest-metadata and junitxml"
        raise pytest.UsageError(f"the gate needs {needed}: leave out -p no:…")
    run.copies = {"evidence.html": config.option.htmlpath, "junit.xml": config.option.xmlpath}
    config.option.htmlpath = str(run.staged("evidence.html"))
    config.option.self_contained_html = True
    config.option.xmlpath = str(run.staged("junit.xml"))


def tell_where_reports_are(config: pytest.Config, run: GateRun) -> None:
    """What the report plugins wrote has moved into the record: let no summary line lie."""
    for plugin in list(config.pluginmanager.get_plugins()):
        module = type(plugin).__module__
        if module == "pytest_html.selfcontained_report":
            config.pluginmanager.unregister(plugin)
        elif module == "_pytest.junitxml" and run.directory:
            plugin.logfile = str(run.directory / "junit.xml")
        elif module == "_pytest.junitxml":
            # Without a record it is gone in a moment, and pytest only keeps quiet when it is quiet.
            config.option.verbose = -1


def one_line_a_check(config: pytest.Config) -> None:
    """The reason stands behind each check, so that nothing need be told twice; `-q` omits both."""
    config.option.verbose += 1 if config.option.verbose >= 0 else -1
    config.option.reportchars = ""
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "no"
