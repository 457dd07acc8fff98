"""docs/kills.md: what kills led to, a part for each application. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from gonogo.report.markdown import table
from lab.kills.tries import STEPS, VICTIMS, Outcome

HEAD = """\
# What a kill leaves behind

Deployments and rollbacks, by revert and by restore, were killed, each in a world of its own, with
SIGKILL: gonogo itself, a program that it runs, a session of the database (the server then ends
all others and recovers), or the whole database server (which is started again). About half die at
the worst moment of a step, when all of it is done and nothing of that is written down; the others
at any moment. Each kill follows from its seed. Made by [`lab/kills/`](../lab/kills); the suite
repeats ten.

After each kill the application must answer, or be named as down: in the last line of what was
killed, or by `gonogo status`, which names the command that goes on. The next run must end well:
the same again, or, once in four times, a rollback by revert. Then schema and rows are the same as
without a kill, the right version serves, and neither processes, databases, invalid indexes nor
open steps are left.
"""
TITLES = {
    "standin": "The stand-in application",
    "shop": "examples/shop: npm, TypeScript and Node",
}
WRONG = "What was not as it must be:"


def page(
    before: str, application: str, outcomes: Sequence[Outcome], made: str, command: str
) -> str:
    """The whole page, with the part of one application anew.

    Args:
        before: The page as it is; the other application's part is kept.
        application: Whose part is made.
        outcomes: What each kill led to.
        made: When it was made, and with which versions.
        command: The command that made it.
    """
    parts = {}
    for name, title in TITLES.items():
        found = re.search(
            rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", before, re.MULTILINE | re.DOTALL
        )
        if found:
            parts[name] = found[0].strip()
    parts[application] = _part(TITLES[application], outcomes, made, command)
    texts = [HEAD.strip(), *(parts[name] for name in TITLES if name in parts)]
    return "\n\n".join(texts) + "\n"


def _part(title: str, outcomes: Sequence[Outcome], made: str, command: str) -> str:
    """The part of one application."""
    after = Counter(one.after for one in outcomes)
    good = sum(not one.wrong for one in outcomes)
    states = [[state, str(times)] for state, times in after.most_common()]
    lines = [
        f"## {title}",
        f"{good} of {len(outcomes)} were as they must be. `{command}`; {made}.",
        "\n".join(
            table(("killed", *(f"{one}" for one in STEPS), "as it must be"), _rows(outcomes))
        ),
        "\n".join(table(("the application after the kill", "times"), states)),
    ]
    if wrong := [one for one in outcomes if one.wrong]:
        lines += [WRONG, "\n".join(f"- {_described(one)}" for one in wrong)]
    return "\n\n".join(lines)


def _rows(outcomes: Iterable[Outcome]) -> list[list[str]]:
    rows = []
    for victim in VICTIMS:
        mine = [one for one in outcomes if one.kill.victim == victim]
        kinds = Counter(one.kill.procedure for one in mine)
        good = sum(not one.wrong for one in mine)
        counts = (str(kinds[procedure]) for procedure in STEPS)
        rows.append([victim, *counts, f"{good} of {len(mine)}"])
    return rows


def _described(one: Outcome) -> str:
    kill = one.kill
    what = ", ".join(one.wrong).splitlines()[0]
    return f"seed {kill.seed}: {kill.procedure}, {kill.victim} killed {kill.moment}: {what}"
