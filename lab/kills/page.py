"""docs/kills.md: what kills led to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from gonogo.report.markdown import table
from lab.kills.tries import VICTIMS, Outcome

HEAD = """\
# What a kill leaves behind

{count} deployments and rollbacks of the stand-in application were killed, each in a world of its
own, with SIGKILL: gonogo itself, a program that it runs, a session of the database (the server then
ends all others and recovers), or the whole database server (which is started again). About half
die at the worst moment of a step, when all of it is done and nothing of that is written down; the
others at any moment. Each kill follows from its seed. Made by `./noxw -s kills` from
[`lab/kills/`](../lab/kills), with seeds from {seed} on; the suite repeats ten.

After each kill the application must answer, or be named as down: in the last line of what was
killed, or by `gonogo status`, which names the command that goes on. The next run, one in four of a
deployment's a rollback, must end well; then schema and rows are the same as without a kill, the
right version serves, and neither processes, databases, invalid indexes nor open steps are left.
"""
WRONG = """\
## What was not as it must be

"""


def page(outcomes: Sequence[Outcome], seed: int) -> str:
    """The whole page.

    Args:
        outcomes: What each kill led to.
        seed: The first seed.
    """
    by_victim = table(("killed", "deployments", "rollbacks", "as it must be"), _rows(outcomes))
    after = Counter(one.after for one in outcomes)
    states = table(
        ("the application after the kill", "times"),
        [[state, str(count)] for state, count in after.most_common()],
    )
    parts = [HEAD.format(count=len(outcomes), seed=seed), "\n".join(by_victim), "\n".join(states)]
    wrong = [one for one in outcomes if one.wrong]
    if wrong:
        parts.append(WRONG + "\n".join(f"- {_told(one)}" for one in wrong))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _rows(outcomes: Iterable[Outcome]) -> list[list[str]]:
    rows = []
    for victim in VICTIMS:
        mine = [one for one in outcomes if one.kill.victim == victim]
        kinds = Counter(one.kill.procedure for one in mine)
        good = sum(not one.wrong for one in mine)
        rows.append(
            [victim, str(kinds["deploy"]), str(kinds["rollback"]), f"{good} of {len(mine)}"]
        )
    return rows


def _told(one: Outcome) -> str:
    kill = one.kill
    what = ", ".join(one.wrong).splitlines()[0]
    return f"seed {kill.seed}: {kill.procedure}, {kill.victim} killed {kill.moment}: {what}"
