"""gonogo's command-line options for pytest: what each is called and says of itself."""

from __future__ import annotations

from argparse import ArgumentError

import pytest

# Each is kept under a name of gonogo's own, so that no other plugin's value is read as ours.
DEST = "gonogo_{}"
OPTIONS: dict[str, dict[str, object]] = {
    "window": {"metavar": "48h", "help": "length of the window: a number and m, h, d or w"},
    "as-of": {"metavar": "MOMENT", "help": "end of the window, ISO 8601 (default: now)"},
    "dsn": {"metavar": "DSN", "help": "the database, without a password; before all variables"},
    "environment": {"metavar": "NAME", "help": "staging or production"},
    "without": {
        "metavar": "GROUP",
        "action": "append",
        "default": [],
        "help": "leave out on purpose, such as endpoints or ledger; repeatable",
    },
    "deployed-at": {"metavar": "MOMENT", "help": "start of the soak without a ledger"},
    "criteria": {"metavar": "FILE", "help": "judge by another criteria file"},
    "figures": {"action": "store_true", "help": "print all figures, as a monitor does"},
    "json": {"metavar": "FILE", "help": "copy the record to a file; - prints it"},
}


def add_options(parser: pytest.Parser) -> None:
    """Add the options; ``--strict`` is pytest's own, and gonogo heeds it too.

    Where another plugin has an option ``--json``, ours is ``--gonogo-json``.
    """
    group = parser.getgroup("gonogo", "the release gate")
    for name, attributes in OPTIONS.items():
        dest = DEST.format(name.replace("-", "_"))
        try:
            group.addoption(f"--{name}", dest=dest, **attributes)
        except (ArgumentError, ValueError):
            group.addoption(f"--gonogo-{name}", dest=dest, **attributes)
