"""A few looks, fast to repeat: another rule or another simulation, another sample."""

from __future__ import annotations

import hashlib

from gonogo.report.markdown import table
from lab.verdict_quality import studies
from lab.verdict_quality.incidents import COURSES
from lab.verdict_quality.tally import PASSED, Tally

RUNS = 4
FEW_VOLUMES = (20, 50, 200, 2_000)


def sample() -> str:
    """A table of verdicts and a hash of each look's; the same as long as nothing has changed."""
    cells = [
        *(
            studies.at_rate("sync.success_rate", course, rate, volume, RUNS)
            for course in COURSES
            for rate in (0.8, 0.9, 0.94)
            for volume in FEW_VOLUMES
        ),
        *(studies.in_one_part(rate, volume, RUNS) for rate in (0.6, 0.9) for volume in FEW_VOLUMES),
        *(studies.near_target(course, RUNS) for course in COURSES),
        studies.outages(10 * RUNS),
    ]
    sampled = hashlib.sha256(repr([sorted(cell.counts.items()) for cell in cells]).encode())
    rows = [[sampled.hexdigest()[:16], *_sums(cells)]]
    return "\n".join(table(["cells", "GO", "HOLD", "NO-GO", "ROLLBACK", "old GO"], rows))


def _sums(cells: list[Tally]) -> list[str]:
    names = ("GO", "HOLD", "NO-GO", "ROLLBACK", PASSED)
    return [str(sum(cell.counts[name] for cell in cells)) for name in names]
