"""What a value of `rollout.toml` may be: each type says in its error what was meant."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictStr,
    ValidationInfo,
)

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
