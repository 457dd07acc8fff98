"""The application as `rollout.toml` describes it, and the types of that file's values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import filterfalse
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationInfo,
    model_validator,
)

from gonogo.masking import is_secret

Asker: TypeAlias = Literal["gate", "deploy", "rollback", "smoke"]
Form: TypeAlias = Literal["text", "url", "base_url", "token", "header"]
Use: TypeAlias = Literal[
    "make_backup",
    "prove_backup",
    "checkout",
    "install",
    "build",
    "test",
    "lint",
    "typecheck",
    "stop_jobs",
    "stop_app",
    "start_app",
    "start_jobs",
    "revert_code",
    "reinstall",
    "rebuild",
    "endpoints",
]
# What a gate may send: nothing that changes something.
SAFE_METHODS = frozenset({"GET", "HEAD"})
# In a header's value: a text that no other request holds.
UNIQUE = "unique"
# What stands for a backup by the team's own commands: `prove_backup` alone knows it.
BACKUP = "backup"
OF_A_RUN = ("revision", "previous_revision", "target_revision", "environment", "database")
PLACEHOLDERS = (*OF_A_RUN, "python", BACKUP)
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
VERSION = re.compile(r"[0-9]{3,}")


class Section(BaseModel):
    """No unknown key, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _header(text: str) -> str:
    try:
        parts = tuple(Formatter().parse(text))
    except ValueError:
        raise ValueError("a brace of its own must be doubled") from None
    for _, name, spec, conversion in parts:
        if name is not None and (not name.isidentifier() or spec or conversion):
            raise ValueError(f"placeholders are {{{UNIQUE}}} and the name of a variable in braces")
    return text


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
Name = Annotated[StrictStr, Field(min_length=1, max_length=63)]
Status = Annotated[StrictInt, Field(ge=100, le=599)] | Literal["2xx"]
Statement = Annotated[StrictStr, Field(min_length=1)]
Header = Annotated[StrictStr, AfterValidator(_header)]


class ApplicationConfig(Section):
    """``[application]``.

    Args:
        anchor: A table of the application: the schema that holds it is the application's, and
            its owner owns what migrations make. Without it, the first schema of the search path is.
        base_url: The variable that holds the address below which the endpoints lie.
        by_hand: What a person tries after a deployment to staging, a line each.
    """

    anchor: Name | None = None
    base_url: Variable | None = None
    by_hand: tuple[StrictStr, ...] = ()


class VariableConfig(Section):
    """One of ``[variables]``.

    Args:
        form: What its value must look like.
        needed_by: The commands that inherit it, or "endpoints": a session that runs one of these
            refuses to begin without it.
    """

    form: Form = "text"
    needed_by: tuple[Use, ...] = ()


class EndpointConfig(Section):
    """One of ``[[endpoints]]``.

    Args:
        name: What records and checklist call it.
        path: Below the base URL.
        method: How it is asked; a gate sends GET and HEAD alone.
        answers: The statuses that are right; "2xx" is any success.
        json_answers: The statuses that are right when the answer is JSON: the application itself
            says so, and not a server in front of it.
        healthy: Fields of the JSON answer, and the value that each must have.
        degraded: The same, with the values that make it a warning.
        token: The variable whose value is sent as bearer token; it is not asked without one.
        headers: Further headers; ``{unique}`` and ``{VARIABLE}`` are filled in.
        body: What a request carries.
        metric: The metric that it feeds, as one of several endpoints or alone.
        asked_by: Who asks it: gate, deploy, rollback, smoke.
        ready: The answer that is waited for after the application was started.
        title: What a smoke request is for.
    """

    name: Name
    path: UrlPath
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    answers: Annotated[tuple[Status, ...], Field(min_length=1)] = (200,)
    json_answers: tuple[Status, ...] = ()
    healthy: Mapping[StrictStr, StrictStr] = Field(default_factory=dict)
    degraded: Mapping[StrictStr, StrictStr] = Field(default_factory=dict)
    token: Variable | None = None
    headers: Mapping[StrictStr, Header] = Field(default_factory=dict)
    body: StrictStr = ""
    metric: Name | None = None
    asked_by: Annotated[tuple[Asker, ...], Field(min_length=1)] = ("gate", "deploy")
    ready: StrictBool = False
    title: StrictStr = ""

    @model_validator(mode="after")
    def _can_be_meant(self) -> Self:
        if "gate" in self.asked_by and self.method not in SAFE_METHODS:
            raise ValueError(f"{self.name}: a gate changes nothing: it may not send {self.method}")
        if ("gate" in self.asked_by) is not (self.metric is not None):
            raise ValueError(
                f"{self.name}: an endpoint that the gate asks needs metric, and no other has one"
            )
        if "smoke" in self.asked_by and not self.title:
            raise ValueError(f"{self.name}: a smoke request needs a title, which says what it does")
        if self.degraded and not self.healthy:
            raise ValueError(f"{self.name}: degraded is what is not quite healthy: say what is")
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables whose values a request carries."""
        parts = (part for text in self.headers.values() for part in Formatter().parse(text))
        named = (self.token, *(name for _, name, _, _ in parts if name != UNIQUE))
        return tuple(dict.fromkeys(name for name in named if name))


class PromotionConfig(Section):
    """``[promotion]``: how the application's administrators are made, as SQL.

    Args:
        find: Users by ``%(emails)s``, a list in lower case: the columns id, email, promoted.
        promote: Makes the user ``%(id)s`` an administrator; ``%(by)s`` is who does so.
        revoke: Makes that user one like others.
        show: The administrators: the columns email, promoted_at, promoted_by.
    """

    find: Statement
    promote: Annotated[tuple[Statement, ...], Field(min_length=1)]
    revoke: Annotated[tuple[Statement, ...], Field(min_length=1)]
    show: Statement


class Endpoints(Section):
    """The application as it is asked over HTTP.

    Args:
        base_url: The variable that holds its address; None when rollout.toml names none.
        every: All endpoints, in the file's order.
        variables: The forms that the variables must have.
    """

    base_url: Variable | None = None
    every: tuple[EndpointConfig, ...] = ()
    variables: Mapping[Variable, VariableConfig] = Field(default_factory=dict)

    def asked_by(self, asker: Asker) -> tuple[EndpointConfig, ...]:
        """Those that a gate, a deployment, a rollback or a person's wish asks."""
        return tuple(one for one in self.every if asker in one.asked_by)

    @property
    def ready(self) -> EndpointConfig | None:
        """The one that is waited for after a start."""
        return next((one for one in self.every if one.ready), None)

    @property
    def smoke_names(self) -> tuple[str, ...]:
        """What the smoke requests are called."""
        return tuple(one.name for one in self.asked_by("smoke"))

    @property
    def _tokens(self) -> Iterator[str]:
        """The variables that hold one."""
        yield from (one.token for one in self.every if one.token)
        yield from (name for name, one in self.variables.items() if one.form == "token")

    def form_of(self, variable: str) -> Form:
        """What the value of a variable that a request carries must look like."""
        if variable in self.variables:
            return self.variables[variable].form
        return "base_url" if variable == self.base_url else "token"

    def nonsense(self) -> str | None:
        """What cannot be meant by all of them together; None when all can."""
        asked = [(one.name, asker) for one in self.every for asker in one.asked_by]
        if twice := next((pair for pair in asked if asked.count(pair) > 1), None):
            return f"the name {twice[0]!r} is there twice, asked by {twice[1]}"
        if shown := next(filterfalse(is_secret, self._tokens), None):
            return (
                f"{shown} holds a token, and only a name such as {shown}_TOKEN keeps its value out "
                "of logs and records"
            )
        if sum(one.ready for one in self.every) > 1:
            return "one endpoint alone may be the one that is waited for (ready)"
        if self.every and self.base_url is None:
            return "endpoints need an address: name its variable in application.base_url"
        return None
