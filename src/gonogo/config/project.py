"""The project: where its files lie, and what is wrong with a TOML file, in its author's words."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, Union

from gonogo.errors import ConfigError, UsageError
from gonogo.model.kinds import Environment

if TYPE_CHECKING:
    # Loads slowly, and a command that only looks for a path does without.
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

# What a TOML file holds before its types are known.
TomlValue: TypeAlias = Union[
    str, int, float, bool, datetime, date, time, "list[TomlValue]", "dict[str, TomlValue]"
]
Toml: TypeAlias = "dict[str, TomlValue]"
# The keys that the section at a path may hold.
KnownKeys = Callable[[tuple[str, ...]], Sequence[str]]
Model = TypeVar("Model", bound="BaseModel")

MARKER = "rollout.toml"
SHOWN_CHARACTERS = 60
UNKNOWN = "extra_forbidden"
# What changes no verdict though it lies in checks/, and what pytest reads beside it.
UNJUDGED = ("*.md", "*.pyc", ".[!p]*")
OF_PYTEST = ("conftest.py", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
JUDGED_KEYS = {"application", "endpoints", "without", "migrations_from", "migrations_to"}
# Where a value may be of several types, pydantic puts the one that it tried into the path.
UNION_MEMBERS = frozenset({"bool", "str"})


@dataclass(frozen=True, slots=True)
class Project:
    """A checkout of the rollout project.

    Args:
        root: The directory that holds ``rollout.toml``.
    """

    root: Path

    @classmethod
    def find(cls, start: Path) -> Project:
        """Find the project that `start` lies in.

        Args:
            start: Any directory within the checkout.

        Raises:
            UsageError: No directory from `start` upwards holds ``rollout.toml``, or its path is
                one that no log or record could hold.
        """
        resolved = start.resolve()
        if not is_text(str(resolved)):
            raise UsageError(f"the path {str(resolved)!r} is no UTF-8", "move the checkout")
        for directory in (resolved, *resolved.parents):
            if (directory / MARKER).is_file():
                return cls(directory)
        raise UsageError(f"no {MARKER} in {resolved} or above", "run this inside the checkout")

    @property
    def criteria_file(self) -> Path:
        """Metrics, criteria, alerts, triggers, weights, recommendations."""
        return self.root / "checks" / "criteria.toml"

    @property
    def criteria_page(self) -> Path:
        """What is made of the criteria file for people to read."""
        return self.root / "docs" / "criteria.md"

    @property
    def sql_dir(self) -> Path:
        """One file a survey."""
        return self.root / "checks" / "sql"

    @property
    def checklist_file(self) -> Path:
        """The five phases."""
        return self.root / "checks" / "checklist.toml"

    @property
    def migrations_dir(self) -> Path:
        """The migrations and their reverts."""
        return self.root / "migrations"

    @property
    def templates_dir(self) -> Path:
        """The team's own templates and style sheet, in place of gonogo's; may be missing."""
        return self.root / "reports" / "templates"

    @property
    def work_dir(self) -> Path:
        """What the sandbox leaves between runs; ignored by git."""
        return self.root / ".gonogo"

    @property
    def logs_dir(self) -> Path:
        """JSON-lines logs by environment."""
        return self.root / "logs"


def is_text(name: str) -> bool:
    """Whether a text of the system's is one that a database, a log or a record can hold."""
    return name.encode(errors="replace").decode() == name


def read_toml(path: Path) -> Toml:
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


def parse_toml(content: bytes, path: Path) -> Toml:
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


def judged_by(project: Project, rollout: BaseModel, criteria_file: Path | None = None) -> str:
    """The hash of all that a gate judges by, whose lines end as on any machine.

    It covers every file of ``checks/`` but pages and hidden ones, what pytest reads beside it, and
    what of rollout.toml decides what is asked.

    Args:
        project: Where they lie.
        rollout: What rollout.toml says.
        criteria_file: In place of the project's own.

    Raises:
        ConfigError: A file cannot be read.
    """
    beside = (project.root / name for name in OF_PYTEST)
    files = {
        path.relative_to(project.root).as_posix(): path
        for path in (*_files(project.criteria_file.parent), *beside)
        if path.is_file() and not any(fnmatch(path.name, kind) for kind in UNJUDGED)
    }
    files["checks/criteria.toml"] = criteria_file or project.criteria_file
    keys = rollout.model_dump(mode="json", include=JUDGED_KEYS, exclude_unset=True)
    parts = {name: read_bytes(path).replace(b"\r\n", b"\n") for name, path in files.items()}
    parts["rollout.toml"] = json.dumps(keys, sort_keys=True).encode()
    lines = (f"{sha256(parts[name]).hexdigest()}  {name}\n" for name in sorted(parts))
    return sha256("".join(lines).encode()).hexdigest()


def _files(directory: Path) -> Iterator[Path]:
    """Each file below a directory; pytest follows symbolic links as well."""
    for place, _, names in os.walk(directory, followlinks=True):
        yield from (Path(place) / name for name in names)


def validated(
    model: type[Model],
    document: Toml,
    path: Path,
    known_keys: KnownKeys,
    context: Mapping[str, Path] | None = None,
) -> Model:
    """What a TOML file says, as the types of its sections.

    Args:
        model: The file as a whole.
        document: What was read from it.
        path: The file, for the message.
        known_keys: The keys that the section at a path may hold.
        context: What the sections' own validators are given.

    Raises:
        ConfigError: A key is unknown, missing, or says what cannot be meant.
    """
    from pydantic import ValidationError  # noqa: PLC0415  # the model has loaded it

    try:
        return model.model_validate(document, context=context)
    except ValidationError as error:
        raise config_error(str(path), error, known_keys) from None


def config_error(file: str, error: ValidationError, known_keys: KnownKeys) -> ConfigError:
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
    known_keys: KnownKeys,
) -> tuple[str, str]:
    kind = details["type"]
    if kind == "missing":
        return "is missing", "add it"
    if kind == UNKNOWN:
        return "unknown key", meant(path[-1], known_keys(path[:-1]))
    if kind == "enum":
        return "unknown environment", meant(path[-1], tuple(Environment))
    problem, shown = _lowered(details["msg"]), _shown(details["input"])
    # What is wrong with a whole section names what it means; the section itself helps nobody.
    quoted = isinstance(details["input"], dict) and kind == "value_error"
    quoted |= isinstance(details["input"], str) and shown in problem
    return (problem if quoted else f"{problem}, but is {shown}"), ""


def meant(found: str, known: Sequence[str]) -> str:
    """What was probably meant by a misspelt name: the one like it, else all that there are."""
    import difflib  # noqa: PLC0415  # only a misspelt key pays for it

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
    if "://" in text and "@" in text:
        return "a URL, which may hold a password"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
