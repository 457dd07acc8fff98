"""How to come to a verdict again: the command that judges the same by the same criteria."""

from __future__ import annotations

import shlex
from datetime import datetime

from gonogo.gate.setting import Setting
from gonogo.model.window import format_duration, format_moment


def reproduce(setting: Setting, end: datetime | None = None) -> str:
    """The command line, without what it finds in the environment: which database, which address.

    Args:
        setting: What was asked.
        end: The window's end, as soon as it is known; until then the one that was asked for.
    """
    options, as_of = setting.options, end or setting.options.as_of
    words = ["pytest checks/", f"--window={format_duration(setting.window_asked)}"]
    words.append(f"--environment={setting.environment}")
    if as_of:
        words.append(f"--as-of={format_moment(as_of)}")
    if options.deployed_at:
        words.append(f"--deployed-at={format_moment(options.deployed_at)}")
    if options.criteria:
        words.append(f"--criteria={shlex.quote(str(options.criteria))}")
    words += [f"--without={group}" for group in sorted(options.without)]
    return " ".join(words + (["--strict"] if options.strict else []))
