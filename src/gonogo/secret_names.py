"""Which of a session's variables hold a secret, told by their names: values say nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping

SECRET = re.compile(
    r"PASSW|PASSFILE|SECRET|TOKEN|JWT|CREDENTIAL|PRIVATE|_UR[IL]$|DSN"
    r"|(?:API|ACCESS|ENCRYPTION|MASTER|SESSION|SIGNING)_?KEY",
    re.IGNORECASE,
)
PUBLIC = re.compile(r"WEBHOOK_BASE_URL|REDIRECT", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return bool(SECRET.search(name)) and not PUBLIC.search(name)


def without_secrets(environ: Mapping[str, str], keep: str | None = None) -> dict[str, str]:
    """The variables that a program may see which needs no secret.

    Args:
        environ: The session's variables.
        keep: Those whose names begin so stay, secret or not.
    """
    return {
        name: value
        for name, value in environ.items()
        if (keep and name.startswith(keep)) or not is_secret(name)
    }
