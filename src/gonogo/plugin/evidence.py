"""pytest's own reports of a gate run: its lines in the terminal, JUnit XML, pytest-html's page.

pytest-html 4 puts test ids, metadata, links and summaries into its page as they are, prints the CI
system's variables, and shows no row without JavaScript. So: names are escaped here, the metadata is
an allow-list, a plain table stands in the summary, and `seal` adds a policy under which only the
page's own script runs, whatever else found its way in.
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path

import pytest

from gonogo import __version__
from gonogo.gate.run import GateRun
from gonogo.model.kinds import EXIT_CODES
from gonogo.record.files import write_whole
from gonogo.report.text import cut, lines, visible

ALLOWED_METADATA = ("Python", "Platform", "Packages")
# Which run of which CI system, of what: nothing of it can be a secret, for it must be a number or a
# commit's hash. Every other variable that pytest-metadata gathers stays out.
NUMBER, COMMIT = re.compile(r"\d{1,20}"), re.compile(r"[0-9a-f]{7,64}")
ALLOWED_OF_CI = {
    **dict.fromkeys(
        (
            "BITBUCKET_BUILD_NUMBER",
            "BUILD_NUMBER",
            "CIRCLE_BUILD_NUM",
            "CI_JOB_ID",
            "CI_PIPELINE_ID",
            "CODEBUILD_BUILD_NUMBER",
            "GITHUB_RUN_ID",
            "GITHUB_RUN_NUMBER",
            "TRAVIS_BUILD_NUMBER",
        ),
        NUMBER,
    ),
    **dict.fromkeys(
        (
            "BITBUCKET_COMMIT",
            "CIRCLE_SHA1",
            "CI_COMMIT_SHA",
            "CODEBUILD_RESOLVED_SOURCE_VERSION",
            "GITHUB_SHA",
            "GIT_COMMIT",
            "TRAVIS_COMMIT",
        ),
        COMMIT,
    ),
}
NEEDED = ("html", "metadata", "junitxml", "terminal")
MOST_LOG_CHARACTERS = 4000
HEAD = '<meta charset="utf-8"/>'
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
HANDLER = ' onclick="location.reload()"'
CHECKBOX = re.compile(r'(<input [^>]*data-test-result="(\w+)")')
STYLE = files("gonogo.report").joinpath("templates", "evidence.css")
TITLE = "Evidence of the gate, check by check"
CELL = '<td class="col-{name}">{content}</td>'


def text(value: object, most: int = MOST_LOG_CHARACTERS) -> str:
    """Any value as harmless HTML text."""
    return escape(cut(value, most))


def metadata_of(given: Mapping[str, object], ours: Mapping[str, object]) -> dict[str, str]:
    """What the page's environment table may hold: an allow-list, escaped.

    Args:
        given: What pytest-metadata collected, the CI system's variables among it.
        ours: What gonogo adds: environment, window, version. Nothing secret.
    """
    allowed = {name: given[name] for name in ALLOWED_METADATA if name in given}
    allowed |= {
        name: given[name]
        for name, shape in ALLOWED_OF_CI.items()
        if name in given and shape.fullmatch(str(given[name]))
    }
    return {text(name): text(_flat(value)) for name, value in {**allowed, **ours}.items()}


def header_cells() -> list[str]:
    """The head of the results table: result, gate's outcome, check, duration."""
    columns = {"result": "Result", "gate": "Gate", "testId": "Check", "duration": "Duration"}
    cell = '<th class="sortable" data-column-type="{name}">{title}</th>'
    return [cell.format(name=name, title=title) for name, title in columns.items()]


def row_cells(cells: Sequence[str], node_id: str, outcome: str) -> list[str]:
    """A row of the results table that fits `header_cells`.

    Args:
        cells: pytest-html's own: result, test id, duration, links. Links are dropped.
        node_id: The test's id, with its phase where that is not the call.
        outcome: The gate's word; empty for what is no check.
    """
    gate = CELL.format(name="gate", content=text(outcome) or "-")
    check = CELL.format(name="testId", content=text(node_id))
    return [cells[0], gate, check, cells[2]]


def log_lines(reason: str) -> list[str]:
    """What stands below a row: the reason and nothing that was captured."""
    return [escape(lines(reason[:MOST_LOG_CHARACTERS])) or "No more to say."]


def summary(
    verdict: str, reasons: Iterable[str], answers: Iterable[tuple[str, str, str]]
) -> list[str]:
    """The head of the page: verdict, reasons, and every answer as a table without a script.

    Args:
        verdict: GO, HOLD, NO-GO or ROLLBACK.
        reasons: Why.
        answers: Of each check its id, the gate's word, and one sentence.
    """
    items = "".join(f"<li>{text(reason)}</li>" for reason in reasons)
    rows = "".join(
        f'<tr><th scope="row">{text(check)}</th><td>{text(outcome)}</td>'
        f"<td>{text(reason)}</td></tr>"
        for check, outcome, reason in answers
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Check", "Outcome", "Reason"))
    return [
        f"<p>Verdict: <strong>{text(verdict)}</strong></p>",
        f"<ul>{items}</ul>",
        "<details><summary>Every answer, as a plain table</summary>",
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></details>",
    ]


def seal(page: str) -> str:
    """Add a policy to a finished page, and what a reader needs of it: language, labels, contrast.

    Its own script alone runs, and nothing is fetched.

    Args:
        page: What pytest-html wrote.
    """
    page = page.replace(HANDLER, "")
    page = page.replace("<html>", '<html lang="en">', 1).replace(">evidence.html</", f">{TITLE}</")
    page = page.replace("<body>", "<body><main>", 1).replace("</body>", "</main></body>", 1)
    page = page.replace("</head>", f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>", 1)
    page = CHECKBOX.sub(r'\1 aria-label="Show \2"', page)
    hashes = [
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
        for script in SCRIPT.findall(page)
    ]
    policy = (
        f"default-src 'none'; script-src {' '.join(hashes) or repr('none')}; "
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>'
    return page.replace(HEAD, f"{HEAD}\n    {meta}", 1)


def sealed_in_place(file: Path) -> None:
    """Seal the page that pytest-html wrote; without one there is nothing to seal.

    Raises:
        OSError: It cannot be read or written.
    """
    if file.is_file():
        page = file.read_text(encoding="utf-8", errors="replace")
        write_whole(file, seal(page).encode())


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return visible(value)


def stage_reports(config: pytest.Config, run: GateRun) -> None:
    """Have pytest-html and junitxml write into the record; a file that the user names is a copy.

    Both read these options in their own configure, which runs after ours.
    """
    if not all(map(config.pluginmanager.hasplugin, NEEDED)):
        needed = "pytest-html, pytest-metadata, junitxml and terminal"
        raise pytest.UsageError(f"the gate needs {needed}: leave out -p no:…")
    run.copies = {"evidence.html": config.option.htmlpath, "junit.xml": config.option.xmlpath}
    config.option.htmlpath = str(run.staged("evidence.html"))
    config.option.self_contained_html = True
    config.option.xmlpath = str(run.staged("junit.xml"))


def correct_summary_lines(config: pytest.Config, run: GateRun) -> None:
    """Keep the summary of the report plugins true: what they wrote has moved into the record."""
    for plugin in list(config.pluginmanager.get_plugins()):
        module = type(plugin).__module__
        if module == "pytest_html.selfcontained_report":
            config.pluginmanager.unregister(plugin)
        elif module == "_pytest.junitxml" and run.directory:
            plugin.logfile = str(run.directory / "junit.xml")
        elif module == "_pytest.junitxml":
            # Without a record the file is removed at once; only a quiet pytest does not name it.
            config.option.verbose = -1


def one_line_a_check(config: pytest.Config) -> None:
    """Show each check on a line with its reason, and no second summary; `-q` omits both."""
    config.option.verbose += 1 if config.option.verbose >= 0 else -1
    config.option.reportchars = ""
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "no"


def borne_out(run: GateRun | None, code: object) -> object:
    """The exit code: 0 and 1 are those of a closed record's verdict, whatever pytest did."""
    closed = EXIT_CODES[run.verdict.kind] if run and run.directory and run.verdict else None
    if code not in {0, 1} or code == closed:
        return code
    if closed is None:
        sys.stderr.write("gonogo: nothing was judged; leave out what kept pytest from it\n")
    return closed or pytest.ExitCode.USAGE_ERROR


class EvidencePage:
    """Hooks of pytest-html, pytest-metadata and pytest for one gate run.

    Args:
        run: The gate's state.
    """

    def __init__(self, run: GateRun) -> None:
        self._run = run

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_metadata(self, metadata: dict[str, object]) -> None:
        """Keep only the listed entries of what pytest-metadata gathers, CI variables included."""
        safe = metadata_of(metadata, {"gonogo": __version__})
        metadata.clear()
        metadata.update(safe)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add the gate's column."""
        cells[:] = header_cells()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Escape the test id, and fill the gate's column."""
        node = report.nodeid + ("" if report.when == "call" else f"::{report.when}")
        properties = dict(getattr(report, "user_properties", ()))
        cells[:] = row_cells(cells, node, str(properties.get("outcome", "")))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: pytest.TestReport, data: list[str]) -> None:
        """Escape a check's output; one that was left out shows its reason, without a path."""
        properties = dict(getattr(report, "user_properties", ()))
        reason = str(properties.get("reason", "")) if report.skipped else ""
        data[:] = log_lines(reason or report.longreprtext)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the verdict and a plain table of all answers first, readable without JavaScript."""
        verdict = self._run.verdict
        if verdict:
            answers = [
                (found.id, found.outcome.value, self._run.reason(found))
                for found in self._run.answers
            ]
            prefix += summary(verdict.kind.value, self._run.reasons, answers)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what cannot be collected: it may have been a check, so the verdict is never GO."""
        if report.failed:
            self._run.unexplained.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Drop the extras of other plugins: pytest-html would insert their HTML unescaped."""
        report.extras = []  # type: ignore[attr-defined]  # pytest-html's own attribute

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.TestReport | pytest.CollectReport, config: pytest.Config
    ) -> tuple[str, str, str | tuple[str, Mapping[str, bool]]] | None:
        """Show a check's outcome and, unless it is met, the reason; with `-q` show nothing."""
        properties = dict(report.user_properties) if isinstance(report, pytest.TestReport) else {}
        if "outcome" not in properties or report.when != ("setup" if report.skipped else "call"):
            return None
        if config.option.verbose < 0:
            return report.outcome, "", ""
        outcome = properties["outcome"]
        word = outcome if outcome == "met" else f"{outcome}: {visible(properties['reason'])}"
        letters = {"passed": ".", "failed": "F", "skipped": "s"}
        colour = {"passed": "green", "failed": "red", "skipped": "yellow"}[report.outcome]
        return report.outcome, letters[report.outcome], (word, {colour: True})
