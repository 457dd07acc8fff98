"""``nox -s migrations``: run every case on PostgreSQL 15 and 18, write docs/migrations-corpus.md.

With names of kinds it runs those alone, and writes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from gonogo.postgres.tools import find_tools
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import EmbeddedServer, wheel_bin_dir
from lab.migrations.loop import STAGES, Case, Result, kinds, run

PAGE = Path(__file__).parents[2] / "docs" / "migrations-corpus.md"
VERSIONS = (15, 18)
# By kind and case.
Results = Mapping[tuple[str, str], Result]
HEAD = """\
# Small migrations of every kind

Written by `./noxw -s migrations`; do not edit it. The cases lie in `lab/migrations/cases/`, each
with its revert. gonogo's own runner plans each on a small shop with rows, applies it, asks whether
what it makes is there, reverts it, proves by the schema's fingerprint that the schema is what it
was, and applies and asks again.
"""
AT_ONCE = 2


def main(chosen: Sequence[str]) -> int:
    """Run the cases; the exit code says whether all of them came through."""
    cases = {kind: of for kind, of in kinds().items() if not chosen or kind in chosen}
    with ThreadPoolExecutor(len(VERSIONS)) as pool:
        found = pool.map(lambda version: _on(version, cases), VERSIONS)
        results = dict(zip(VERSIONS, found, strict=True))
    if not chosen:
        PAGE.write_text(page(cases, results), encoding="utf-8")
    return int(any(one.failed for of in results.values() for one in of.values()))


def _on(version: int, cases: Mapping[str, Mapping[str, Case]]) -> Results:
    wheel = wheel_bin_dir()
    tools = find_tools(version, {}, wheel if version == max(VERSIONS) else None)
    with (
        TemporaryDirectory(prefix="gonogo-lab-") as place,
        EmbeddedServer.start(Path(place) / "server", bin_dir=tools.bin_dir) as server,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        known = dict(_known(cases, version))
        go = partial(_result, Databases(server), version)
        return dict(zip(known, pool.map(go, known, known.values()), strict=True))


def _known(
    cases: Mapping[str, Mapping[str, Case]], version: int
) -> Iterator[tuple[tuple[str, str], Case]]:
    for kind, of in cases.items():
        yield from (((kind, name), case) for name, case in of.items() if case.since <= version)


def _result(databases: Databases, version: int, key: tuple[str, str], case: Case) -> Result:
    result = run(databases, case)
    why = f"{result.failed}: {result.why}" if result.failed else "passed"
    sys.stdout.write(f"{version} {'.'.join(key)} {why}\n")
    return result


def page(cases: Mapping[str, Mapping[str, Case]], results: Mapping[int, Results]) -> str:
    """The page of the results."""
    lines = [HEAD]
    for version, of in results.items():
        passed = sum(not one.failed for one in of.values())
        lines.append(f"- PostgreSQL {version}: {passed} of {len(of)} came through all stages.")
    lines += ["", f"Stages: {', '.join(STAGES)}.", ""]
    titles = " | ".join(f"PostgreSQL {version}" for version in results)
    lines += [f"| kind | cases | {titles} |", f"|---|---|{'---|' * len(results)}"]
    for kind, names in cases.items():
        cells = " | ".join(_cell(kind, names, of) for of in results.values())
        shown = ", ".join(name.replace("_", " ") for name in names)
        lines.append(f"| {kind.replace('_', ' ')} | {shown} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(kind: str, names: Mapping[str, Case], results: Results) -> str:
    of = {name: results[kind, name] for name in names if (kind, name) in results}
    failed = [f"{name}: {one.failed}" for name, one in of.items() if one.failed]
    return "; ".join(failed) or f"all {len(of)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
