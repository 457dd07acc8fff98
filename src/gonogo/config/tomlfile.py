"""TOML files: read, and what is wrong with one in the words of the person who wrote it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from string import Formatter
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictStr,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails

from gonogo.errors import ConfigError
from gonogo.model.kinds import Environment

SHOWN_CHARACTERS = 60
UNKNOWN = "extra_forbidden"
# Where a value may be of several types, pydantic puts the one that it tried into the path.
UNION_MEMBERS = frozenset({"bool", "str"})


def read_toml(path: Path) -> dict[str, object]:
    """Read a TOML file.

    Raises:
        ConfigError: The file cannot be read, or is no TOML.
    """
    return parse_toml(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Read a file as it is, for who needs its hash as well.

    Raises:
        ConfigError: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from None


def parse_toml(content: bytes, path: Path) -> dict[str, object]:
    """Parse what a TOML file holds.

    Args:
        content: The file's bytes.
        path: The file, for the message.

    Raises:
        ConfigError: It is no TOML, or holds what no file name, command or database can.
    """
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is no TOML: {error}", file=str(path)) from None
    if any("\0" in text for text in _texts(document)):
        raise ConfigError("holds a NUL character", "take it out", file=str(path))
    return document


def config_error(
    file: str, error: ValidationError, known_keys: Callable[[tuple[str, ...]], Sequence[str]]
) -> ConfigError:
    """Describe the first error, and say how many more there are.

    Args:
        file: The file, as the user would name it.
        error: What pydantic found.
        known_keys: The keys that the section at a path may hold.
    """
    # A misspelt key also brings "missing"; the misspelling is what helps.
    first, *others = sorted(error.errors(include_url=False), key=lambda one: one["type"] != UNKNOWN)
    path = tuple(_path(first))
    problem, remedy = _explained(first, path, known_keys)
    if others:
        problem += f" (and {len(others)} more)"
    return ConfigError(problem, remedy, file=file, key=dotted(path))


def dotted(path: Sequence[str]) -> str:
    """A key as TOML writes it: a part that holds a dot of its own is quoted."""
    return ".".join(f'"{part}"' if "." in part else part for part in path)


def _texts(value: object) -> Iterator[str]:
    """Every text within a document, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.items() for part in item for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in _texts(part))


def _path(details: ErrorDetails) -> Iterator[str]:
    """The location within the file: without pydantic's own marks such as union members."""
    for part in map(str, details["loc"]):
        if part not in UNION_MEMBERS and "[" not in part:
            yield part


def _explained(
    details: ErrorDetails,
    path: tuple[str, ...],
    known_keys: Callable[[tuple[str, ...]], Sequence[str]],
) -> tuple[str, str]:
    kind = details["type"]
    if kind == "missing":
        return "is missing", "add it"
    if kind == UNKNOWN:
        return "unknown key", _meant(path[-1], known_keys(path[:-1]))
    if kind == "enum":
        return "unknown environment", _meant(path[-1], tuple(Environment))
    problem, shown = _lowered(details["msg"]), _shown(details["input"])
    quoted = isinstance(details["input"], str) and shown in problem
    return (problem if quoted else f"{problem}, but is {shown}"), ""


def _meant(found: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(found, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def _lowered(message: str) -> str:
    return (
        message.removeprefix("Value error, ")
        .replace("Input should", "should")
        .replace("valid tuple", "list")
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


PLACEHOLDERS = ("revision", "previous_revision", "target_revision", "python", "environment")
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
VERSION = re.compile(r"[0-9]{3,}")


def not_empty(text: object) -> object:
    """Refuse an empty path, which would silently mean the directory that the file lies in."""
    if isinstance(text, str) and not text.strip():
        raise ValueError("must not be empty")
    return text


def _absolute(path: Path, info: ValidationInfo) -> Path:
    try:
        expanded = path.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~ and a user who is not known here") from None
    return Path(info.context["base"]) / expanded if info.context else path


def _templated(text: str) -> str:
    """Refuse a placeholder that is not one of ours: a typo would else reach the command."""
    try:
        parts = tuple(Formatter().parse(text))
    except ValueError:
        raise ValueError("a brace of its own must be doubled") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS or spec or conversion):
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise ValueError(f"placeholders are {known} (a brace is {{{{ or }}}})")
    return text


def _url_path(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("must begin with /")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be written as in a request: %20 for a space, and so on")
    return text


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        raise ValueError("is no name of a variable")
    return name


def _mail(text: str) -> str:
    if not MAIL.fullmatch(text):
        raise ValueError("must be an e-mail address")
    return text


def _version(text: str) -> str:
    if not VERSION.fullmatch(text):
        raise ValueError("must be the digits that a migration's file begins with")
    return text


Location = Annotated[Path, BeforeValidator(not_empty), AfterValidator(_absolute)]
Word = Annotated[StrictStr, AfterValidator(_templated)]
UrlPath = Annotated[StrictStr, AfterValidator(_url_path)]
Variable = Annotated[StrictStr, AfterValidator(_variable)]
Mail = Annotated[StrictStr, AfterValidator(_mail)]
Version = Annotated[StrictStr, AfterValidator(_version)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
