"""``nox -s audit``: ask whether anything in the lock files has a known vulnerability.

pip-audit ends with 0 even where it could ask about nothing, so its report is what is judged: a
package that nobody could be asked about is no pass. Each lock is a question of its own, because
two locks may pin two versions of one package.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

IF_REACHABLE = "--if-reachable"
OPTIONS = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")


@dataclass(slots=True)
class Answers:
    """What was found out, a package once however many locks pin it.

    Args:
        audited: Packages that were asked about.
        unasked: Packages that could not be asked about.
        known: Vulnerabilities.
        unread: Locks for which pip-audit wrote no report, each with its last words.
    """

    audited: set[str] = field(default_factory=set)
    unasked: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything was asked about, and nothing is known."""
        return bool(self.audited) and not (self.known or self.unasked or self.unread)

    @property
    def none(self) -> bool:
        """Whether there was no answer at all."""
        return bool(self.unasked or self.unread) and not (self.known or self.audited)

    def __str__(self) -> str:
        if self.known:
            return f"vulnerabilities are known: {', '.join(sorted(self.known))}"
        if self.unread:
            return f"NOT audited: {'; '.join(self.unread)}"
        if not self.passed:
            every = len(self.audited | self.unasked)
            return (
                f"NOT audited: the advisories of {len(self.unasked)} of {every} packages could not "
                "be fetched from pypi.org; the hashes in locks/ hold, and nothing else is proved"
            )
        return f"no vulnerability is known of any of {len(self.audited)} packages"


def main(words: Sequence[str]) -> int:
    """Audit lock files; the exit code.

    Args:
        words: The files; ``--if-reachable`` among them lets pass what nobody could be asked about
            at all, as on a machine without a network.
    """
    answers = Answers()
    for lock in words:
        if lock != IF_REACHABLE:
            _ask(lock, answers)
    sys.stderr.write(f"audit: {answers}\n")
    return 0 if answers.passed or (IF_REACHABLE in words and answers.none) else 1


def _ask(lock: str, answers: Answers) -> None:
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        command = ["pip-audit", *OPTIONS, f"--requirement={lock}", f"--output={report}"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if not report.is_file():
            words = ended.stderr.strip().splitlines() or ["pip-audit wrote no report"]
            answers.unread.append(f"{lock}: {words[-1]}")
            return
        packages = json.loads(report.read_bytes())["dependencies"]
    for one in packages:
        (answers.audited if "vulns" in one else answers.unasked).add(one["name"])
        answers.known |= {f"{one['name']} ({flaw['id']})" for flaw in one.get("vulns", ())}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
