"""Keeps secret values out of logs, messages, records and the programs that need none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

# Which variables hold a secret is judged by their names: their values say nothing.
SECRET = re.compile(
    r"PASSW|PASSFILE|SECRET|TOKEN|JWT|CREDENTIAL|PRIVATE|_UR[IL]$|DSN"
    r"|(?:API|ACCESS|ENCRYPTION|MASTER|SESSION|SIGNING)_?KEY",
    re.IGNORECASE,
)
PUBLIC = re.compile(r"(?:^|_)BASE_URL|REDIRECT", re.IGNORECASE)
# An address alone, without user, path or query, holds no secret, whatever its variable is called.
ADDRESS = re.compile(r"https?://[^/?#@\s]+/?")
# Up to the last @ of the word: a password may hold signs that it should not. But no host's port.
PASSWORD_IN_URL = re.compile(
    r"(?<=://)([^/?#\s:@]*):(?!\d{1,5}[/?#,])(?:[^/\s@]*@|[^\s@'\"<>]*@)(?:[^\s@'\"<>]*@)*"
)
URL_WITH_PASSWORD = re.compile(r"[\w+.-]+://[^/?#@:\s]*:(.+)@", re.DOTALL)
PASSWORD_IN_QUERY = re.compile(r"(?<=[?&])(password|sslpassword)=[^&\s'\"]+", re.IGNORECASE)
PASSWORD_IN_CONNINFO = re.compile(
    r"(?<![?&])\b(password|sslpassword)\s*=\s*('(?:[^'\\]|\\.)*(?:'|\Z)|\S+)", re.IGNORECASE
)
# In what was cut off the sign that ends a password may be missing.
PASSWORD_IN_CUT_URL = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]*\Z")
SHORTEST_SECRET = 4
# Of a secret of several lines, such as a private key, each of this length is one of its own.
SHORTEST_LINE = 8
PASSFILE_FIELDS = 5


def is_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return bool(SECRET.search(name)) and not PUBLIC.search(name)


def without_secrets(environ: Mapping[str, str], keep: str | None = None) -> dict[str, str]:
    """The variables that a program which needs no secret may see.

    Args:
        environ: The session's variables.
        keep: The beginning of the names that stay, secret or not.
    """
    return {
        name: value
        for name, value in environ.items()
        if (keep and name.startswith(keep)) or not is_secret(name)
    }


@dataclass(frozen=True, slots=True)
class Mask:
    """Replaces secret values by the names of their variables.

    Args:
        names: Secret value to the name that is shown in its stead; never in a repr.
    """

    names: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Mask:
        """A mask for the secrets of a session's environment, found by the variables' names.

        The passwords of libpq's password file are masked too, where it can be read.
        """
        names = {
            secret: name
            for name, value in environ.items()
            if is_secret(name) and not ADDRESS.fullmatch(value)
            for secret in _spellings(value)
        }
        names |= dict.fromkeys(_of_passfile(environ), "password file")
        names |= {
            spelt: name
            for secret, name in names.items()
            for spelt in (quote(secret, safe=""), json.dumps(secret)[1:-1])
        }
        names = {secret: name for secret, name in names.items() if len(secret) >= SHORTEST_SECRET}
        # The longest first: a secret that holds another must not leave its rest behind.
        return cls(dict(sorted(names.items(), key=lambda item: -len(item[0]))))

    def __call__(self, text: str) -> str:
        """`text` without any secret value, nor a password within a URL or connection string."""
        for secret, name in self.names.items():
            text = text.replace(secret, f"<{name}>")
        text = PASSWORD_IN_URL.sub(r"\1:<password>@", text)
        text = PASSWORD_IN_QUERY.sub(r"\1=<password>", text)
        return PASSWORD_IN_CONNINFO.sub(r"\1=<password>", text)

    def of_cut(self, text: str) -> str:
        """`text`, whose rest was cut off elsewhere: what it ends with may be half a secret."""
        end = self._half_secret(text)
        if end:
            length, name = end
            text = f"{text[:-length]}<{name}>"
        return PASSWORD_IN_CUT_URL.sub(r"\1:<password>", self(text))

    def _half_secret(self, text: str) -> tuple[int, str] | None:
        """How much of the text's end is the beginning of which secret: the longest there is."""
        halves = (
            (length, name)
            for secret, name in self.names.items()
            for length in range(len(secret), SHORTEST_SECRET - 1, -1)
            if text.endswith(secret[:length])
        )
        return max(halves, default=None)

    def scrub(self, value: object) -> Any:  # noqa: ANN401  # the same shape as what is given
        """Whatever JSON can hold, each text of it masked; what it cannot hold, as masked text."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self(str(key)): self.scrub(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.scrub(inner) for inner in value]
        return value if value is None or isinstance(value, int | float) else self(str(value))


def _spellings(value: str) -> Iterator[str]:
    yield value
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= SHORTEST_LINE)
    if url := URL_WITH_PASSWORD.match(value):
        yield url[1]
        yield unquote(url[1])
    for match in PASSWORD_IN_CONNINFO.finditer(value):
        quoted = match[2].startswith("'")
        bare = match[2].removeprefix("'").removesuffix("'")
        yield re.sub(r"\\(.)", r"\1", bare) if quoted else match[2]


def _of_passfile(environ: Mapping[str, str]) -> Iterator[str]:
    """The passwords of libpq's password file, but those that are their user's very name."""
    home = environ.get("HOME")
    named = environ.get("PGPASSFILE") or (home and str(Path(home) / ".pgpass"))
    try:
        lines = Path(named or "").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        fields = [re.sub(r"\\(.)", r"\1", field) for field in re.split(r"(?<!\\):", line)]
        if not line.startswith("#") and len(fields) == PASSFILE_FIELDS:
            *others, password = fields
            if password not in others:
                yield password


# A page of a CI system: no user, no query, nothing that a mark-up or a terminal could misread.
CI_PAGE = r"^(https?://[A-Za-z0-9.:\[\]-]{1,255}(/[A-Za-z0-9._~%+:@,;=/-]{0,800})?)?$"
# Where CI systems say which page shows the run.
CI_ADDRESSES = (
    "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    "{CI_JOB_URL}",
    "{CI_PIPELINE_URL}",
    "{BUILD_URL}",
    "{BUILDKITE_BUILD_URL}",
    "{CIRCLE_BUILD_URL}",
    "{TRAVIS_BUILD_WEB_URL}",
)


def ci_run(environ: Mapping[str, str]) -> str:
    """The page of a CI system that shows this run; empty where no variable names one.

    Args:
        environ: The session's variables. One of their secrets, or what is no plain address, is not
            taken for one.
    """
    for form in CI_ADDRESSES:
        with suppress(KeyError):
            address = form.format_map(environ)
            others = {name: text for name, text in environ.items() if name not in form}
            if re.fullmatch(CI_PAGE, address) and Mask.of(others)(address) == address:
                return address
    return ""
