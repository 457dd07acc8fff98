"""Runs a module under a profile hook: ``python -m lab.modules.hook OUT pytest checks/``.

Writes to OUT, as JSON, which modules of gonogo were entered and which were only imported. A module
is entered when one of its functions runs, in any thread; its own body and its classes' bodies run
when it is imported, and do not count.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import runpy
import sys
import threading
from pathlib import Path
from types import FrameType

PACKAGE = "gonogo"
FUNCTION = inspect.CO_NEWLOCALS | inspect.CO_OPTIMIZED


def run(out: Path, module: str) -> None:
    """Run `module` as a program, with the arguments that are left in `sys.argv`."""
    functions: set[str] = set()
    bodies: set[str] = set()

    def hook(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & FUNCTION == FUNCTION:
            functions.add(code.co_filename)
        elif event == "call" and code.co_name == "<module>":
            bodies.add(code.co_filename)

    threading.setprofile(hook)
    sys.setprofile(hook)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sys.setprofile(None)
        inside, loaded = _ours(functions), _ours(bodies)
        found = {"entered": sorted(inside), "imported": sorted(loaded - inside)}
        out.write_text(json.dumps(found), encoding="utf-8")


def _ours(files: set[str]) -> set[str]:
    """The modules of gonogo among `files`, as paths below its package."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(PACKAGE)
    root = Path(spec.origin).resolve().parent
    paths = (Path(file).resolve() for file in files)
    return {path.relative_to(root).as_posix() for path in paths if path.is_relative_to(root)}


if __name__ == "__main__":
    _, out_file, name, *rest = sys.argv
    sys.argv = [name, *rest]
    run(Path(out_file), name)
