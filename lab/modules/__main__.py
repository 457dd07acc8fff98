"""``nox -s modules``: count the modules that one gate run and one sign-off enter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.rehearsed import ROOT, Gate, kept, make_checkout

SOURCES = ROOT / "src" / "gonogo"
LONGEST = 300
SIGNER = "lab@example.com"


@dataclass(frozen=True, slots=True)
class Count:
    """What one run touched.

    Args:
        command: What was run.
        entered: Modules of which a function ran, as paths below ``src/gonogo``.
        imported: Modules that were imported, and no more.
    """

    command: str
    entered: tuple[str, ...]
    imported: tuple[str, ...]


def main() -> None:
    """Rehearse, count, and print."""
    with TemporaryDirectory(prefix="gonogo-modules-") as directory:
        checkout = make_checkout(Path(directory) / "checkout")
        with kept(checkout) as gate:
            counts = (_gate(checkout, gate), _sign_off(checkout))
    sys.stdout.write("\n".join((*_summary(counts), *_house(), *_lists(counts))) + "\n")


def _gate(checkout: Path, gate: Gate) -> Count:
    python, _, *words = gate.words
    return _counted(checkout, "pytest checks/", (python, *words), gate.variables)


def _sign_off(checkout: Path) -> Count:
    key = checkout / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    kind, blob, *_ = key.with_name("key.pub").read_text(encoding="ascii").split()
    (checkout / "allowed_signers").write_text(f"{SIGNER} {kind} {blob}\n", encoding="ascii")
    record = max(checkout.glob("reports/archive/staging/*_GO"))
    options = ("--decision=go", "--for=staging", f"--by={SIGNER}", f"--key={key}")
    words = (sys.executable, "gonogo", "sign_off", str(record), *options)
    return _counted(checkout, "gonogo sign_off", words, {})


def _counted(
    checkout: Path, command: str, words: Sequence[str], variables: Mapping[str, str]
) -> Count:
    """Run ``python -m`` of `words`, whose first is the Python, under the hook."""
    python, *rest = words
    out = checkout / "count.json"
    path = os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])))
    subprocess.run(
        [python, "-m", "lab.modules.hook", str(out), *rest],
        cwd=checkout,
        env=os.environ | variables | {"PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    found = json.loads(out.read_bytes())
    return Count(command, tuple(found["entered"]), tuple(found["imported"]))


def _summary(counts: Sequence[Count]) -> Iterator[str]:
    yield "| one run of | enters | only imports |"
    yield "|---|---:|---:|"
    for one in counts:
        yield f"| `{one.command}` | {len(one.entered)} | {len(one.imported)} |"


def _house() -> Iterator[str]:
    """Modules and lines without the sandbox, and the modules that are too long."""
    lines = {
        path.relative_to(SOURCES).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCES.rglob("*.py")
    }
    shipped = {name: count for name, count in lines.items() if not name.startswith("sandbox/")}
    long = [f"{name} ({count})" for name, count in sorted(lines.items()) if count > LONGEST]
    yield ""
    yield f"src/gonogo without sandbox/: {len(shipped)} modules, {sum(shipped.values()):,} lines"
    yield f"sandbox/: {len(lines) - len(shipped)} modules"
    yield f"over {LONGEST} lines: {', '.join(long) or 'none'}"


def _lists(counts: Sequence[Count]) -> Iterator[str]:
    for one in counts:
        for what, names in (("enters", one.entered), ("only imports", one.imported)):
            yield f"\n`{one.command}` {what} {len(names)}:"
            yield textwrap.indent(textwrap.fill(", ".join(names), 96, break_on_hyphens=False), "  ")


if __name__ == "__main__":
    main()
