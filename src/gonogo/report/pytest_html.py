"""What pytest-html's page lacks: escaping, reasons and a seal. The plugin calls these functions.

pytest-html 4 puts test ids, metadata, links and summaries into its page as they are, prints the CI
system's variables, and shows no row without JavaScript. So: names are escaped here, the metadata is
an allow-list, a plain table stands in the summary, and `seal` adds a policy under which only the
page's own script runs, whatever else found its way in.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path

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
MOST_LOG_CHARACTERS = 4000
HEAD = '<meta charset="utf-8"/>'
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
HANDLER = ' onclick="location.reload()"'
CELL = '<td class="col-{name}">{content}</td>'


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check said, for the table that needs no script.

    Args:
        check: Its id.
        outcome: The gate's word.
        reason: One sentence.
    """

    check: str
    outcome: str
    reason: str


def text(value: object, most: int = MOST_LOG_CHARACTERS) -> str:
    """Any value as harmless HTML text."""
    return escape(cut(value, most))


def metadata(given: Mapping[str, object], ours: Mapping[str, object]) -> dict[str, str]:
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


def summary(verdict: str, reasons: Iterable[str], answers: Iterable[Answer]) -> list[str]:
    """The head of the page: verdict, reasons, and every answer as a table without a script.

    Args:
        verdict: GO, HOLD, NO-GO or ROLLBACK.
        reasons: Why.
        answers: One a check.
    """
    items = "".join(f"<li>{text(reason)}</li>" for reason in reasons)
    rows = "".join(
        f'<tr><th scope="row">{text(answer.check)}</th><td>{text(answer.outcome)}</td>'
        f"<td>{text(answer.reason)}</td></tr>"
        for answer in answers
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Check", "Outcome", "Reason"))
    return [
        f"<p>Verdict: <strong>{text(verdict)}</strong></p>",
        f"<ul>{items}</ul>",
        "<details><summary>Every answer, as a plain table</summary>",
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></details>",
    ]


def seal(page: str) -> str:
    """Add a policy to a finished page: its own script alone runs, and nothing is fetched.

    Args:
        page: What pytest-html wrote.
    """
    page = page.replace(HANDLER, "")
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


def write_sealed(source: Path, target: Path) -> None:
    """Put a finished page into the record, sealed.

    Args:
        source: What pytest-html wrote.
        target: ``evidence.html`` in the record's directory.

    Raises:
        OSError: It cannot be read or written.
    """
    page = source.read_text(encoding="utf-8", errors="replace")
    write_whole(target, seal(page).encode())


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return visible(value)
