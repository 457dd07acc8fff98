"""What is sent to an endpoint, and what its answer says: pure, but for the rest of an answer.

What the application answers wrongly is its failure. That it does not answer is its failure too
where others of its endpoints do; where none does, whoever knows of earlier answers decides.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from gonogo.config.application import UNIQUE, EndpointConfig, Form
from gonogo.model.kinds import Says
from gonogo.model.measurement import Measurement, Remark

if TYPE_CHECKING:
    import httpx

# An answer about health is a line; a page's content is not looked at.
MOST_BYTES = 64 * 1024
WHOLE_WITHIN_S = 5.0
SUCCESS = "2xx"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MUST_BE_HTTPS = "must be https"
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,}")
NEEDS_TOKEN = frozenset({401, 403})
NOT_FOUND = (404, 410)


class AnswerKind(StrEnum):
    """What an answer says."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


OK = AnswerKind.OK
WORST_FIRST = (AnswerKind.FAILED, AnswerKind.INCONCLUSIVE, AnswerKind.WARNING, OK)


@dataclass(frozen=True, slots=True)
class EndpointAnswer:
    """One endpoint's answer.

    Args:
        name: What rollout.toml calls it.
        url: What was asked, without anything secret.
        kind: What the answer says.
        reason: The same as a sentence part.
        status: The HTTP status; None when there was no answer.
        attempts: How often it was asked; 0 where nothing was sent.
        heard: Whether any attempt brought an HTTP status.
    """

    name: str
    url: str
    kind: AnswerKind
    reason: str
    status: int | None = None
    attempts: int = 1
    heard: bool = False


def headers(endpoint: EndpointConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """What a request carries beside its path.

    Args:
        endpoint: What is asked.
        environ: Holds the variables that the endpoint names.
    """
    values = {name: environ.get(name, "").strip() for name in endpoint.variables}
    filled = {
        name: text.format_map({**values, UNIQUE: str(uuid4())})
        for name, text in endpoint.headers.items()
    }
    bearer = {"Authorization": f"Bearer {values[endpoint.token]}"} if endpoint.token else {}
    return filled | bearer


def judge_answer(endpoint: EndpointConfig, response: httpx.Response) -> tuple[AnswerKind, str]:
    """What rollout.toml says of an answer.

    Args:
        endpoint: What was asked, and which answers are right.
        response: The answer.
    """
    code = response.status_code
    closed = NEEDS_TOKEN.issuperset(endpoint.answers)
    without = " without a token" if closed else ""
    if _is_among(response, endpoint.answers):
        return (
            _judge_body(endpoint, response) if endpoint.healthy else (OK, f"HTTP {code}{without}")
        )
    if _is_among(response, endpoint.json_answers) and says_json(response):
        return OK, f"HTTP {code}, said by the application itself (JSON)"
    if code in NOT_FOUND:
        return AnswerKind.FAILED, f"HTTP {code}: nobody serves this path"
    if closed and response.is_success:
        return AnswerKind.FAILED, f"HTTP {code} without a token: anyone can read it"
    if code in NEEDS_TOKEN and endpoint.variables:
        return AnswerKind.FAILED, f"HTTP {code}: {' or '.join(endpoint.variables)} is refused"
    wanted = " or ".join(map(str, endpoint.answers))
    return AnswerKind.FAILED, f"HTTP {code} instead of {wanted}{without}"


def _is_among(response: httpx.Response, statuses: Sequence[int | str]) -> bool:
    return response.status_code in statuses or (SUCCESS in statuses and response.is_success)


def _judge_body(endpoint: EndpointConfig, response: httpx.Response) -> tuple[AnswerKind, str]:
    """Whether the fields of a JSON answer say that the application is well."""
    code = response.status_code
    try:
        body = json.loads(beginning(response))
    except (ValueError, RecursionError):
        return AnswerKind.FAILED, f"HTTP {code}, but no JSON"
    said = body if isinstance(body, dict) else {}
    wrong = [name for name, value in endpoint.healthy.items() if said.get(name) != value]
    if not wrong:
        return OK, f"HTTP {code}, {', '.join(endpoint.healthy.values())}"
    if all((name, said.get(name)) in endpoint.degraded.items() for name in wrong):
        return AnswerKind.WARNING, f"HTTP {code}, but {said[wrong[0]]}"
    return AnswerKind.FAILED, f"HTTP {code}, but {wrong[0]} is {str(said.get(wrong[0]))!r}"


def beginning(response: httpx.Response) -> bytes:
    """What an answer holds, as far as it can be of interest: one that never ends is cut off."""
    import httpx  # noqa: PLC0415  # see endpoints.client_of

    content, until = b"", time.monotonic() + WHOLE_WITHIN_S
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            break
        if time.monotonic() > until:
            raise httpx.ReadTimeout("it trickles", request=response.request)
    return content


def says_json(response: httpx.Response) -> bool:
    """Whether the application itself speaks: a path that nobody serves is not found in HTML."""
    return "json" in response.headers.get("content-type", "")


def without_secrets(url: str) -> str:
    """A URL without user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def judge_silence(error: Exception) -> tuple[AnswerKind, str]:
    """What it means that no answer came: whose fault, and why, as a sentence part."""
    import httpx  # noqa: PLC0415  # see endpoints.client_of

    causes = tuple(_causes(error))
    # The first line that fits decides: a refused connection is also a ConnectError.
    for fits, kind, reason in (
        (socket.gaierror, AnswerKind.INCONCLUSIVE, "the name does not resolve here"),
        (httpx.TimeoutException, AnswerKind.INCONCLUSIVE, "no answer in time"),
        (ConnectionRefusedError, AnswerKind.FAILED, "connection refused"),
        (ssl.SSLError, AnswerKind.FAILED, "no secure connection (TLS)"),
        (httpx.ConnectError, AnswerKind.INCONCLUSIVE, "no connection from here"),
        (httpx.ProxyError, AnswerKind.INCONCLUSIVE, "the proxy refuses"),
        (httpx.UnsupportedProtocol, AnswerKind.INCONCLUSIVE, "is no http address"),
        (httpx.InvalidURL, AnswerKind.INCONCLUSIVE, "is no http address"),
    ):
        if any(isinstance(cause, fits) for cause in causes):
            return kind, reason
    return AnswerKind.FAILED, f"the connection broke ({type(error).__name__})"


def is_refusal(error: Exception) -> bool:
    """Whether nobody listens there."""
    return any(isinstance(cause, ConnectionRefusedError) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def measured(
    asked: Mapping[str, EndpointConfig], answers: Sequence[EndpointAnswer]
) -> dict[str, Measurement]:
    """What the answers measure, by the metric that the endpoints feed.

    Where no endpoint answered at all, nothing is measured: the address may be wrong, or the way
    there closed.

    Args:
        asked: The endpoints by name.
        answers: From `endpoints.probe`.
    """
    by_metric: dict[str, list[EndpointAnswer]] = {}
    for answer in answers:
        by_metric.setdefault(asked[answer.name].metric or answer.name, []).append(answer)
    if not any(answer.heard for answer in answers):
        worst = {metric: _worst(found) for metric, found in by_metric.items()}
        return {
            metric: Measurement(metric, missing=Remark(Says.SILENT, one.url, one.reason))
            for metric, one in worst.items()
        }
    ready = [answer for answer in answers if asked[answer.name].ready]
    is_well = any(answer.kind in {OK, AnswerKind.WARNING} for answer in ready or answers)
    return {
        metric: _measured(metric, _worst(found), holds=is_well or not set(ready).isdisjoint(found))
        for metric, found in by_metric.items()
    }


def _worst(answers: Sequence[EndpointAnswer]) -> EndpointAnswer:
    return min(answers, key=lambda answer: WORST_FIRST.index(answer.kind))


def _measured(metric: str, worst: EndpointAnswer, *, holds: bool) -> Measurement:
    """An endpoint's metric is as good as the worst of its answers.

    Args:
        metric: Its id.
        worst: That answer.
        holds: Whether an HTTP error is the endpoint's own: the application answers otherwise.
    """
    answer = Remark(Says.ANSWERED, worst.url, worst.reason)
    if worst.kind is AnswerKind.INCONCLUSIVE:
        return Measurement(metric, missing=answer)
    if worst.kind is not AnswerKind.FAILED:
        degraded = answer if worst.kind is AnswerKind.WARNING else None
        return Measurement(metric, value=Fraction(1), degraded=degraded, notes=(answer,))
    held_back = None if holds else Remark(Says.NOT_HEALTHY_EITHER)
    if worst.status is None:
        held_back = replace(answer, says=Says.NO_HTTP_ERROR)
    return Measurement(metric, value=Fraction(0), held_back=held_back, notes=(answer,))


def problem_of(form: Form, text: str) -> str:
    """What is wrong with a variable's value, as the end of a sentence that its name begins.

    Args:
        form: What it must look like.
        text: The value, which no message shows.
    """
    return FORMS[form](text)


def _url_problem(text: str) -> str:
    # Python's own parser would drop some of these without a word.
    if not text.isprintable() or " " in text:
        return "is no URL"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "is no URL (https://host[:port])"
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return MUST_BE_HTTPS
    return "holds a user or a password" if "@" in parts.netloc else ""


def _base_url_problem(text: str) -> str:
    problem = _url_problem(text)
    if not problem and (urlsplit(text).query or urlsplit(text).fragment):
        return "must hold no query or fragment"
    return problem


def _token_problem(text: str) -> str:
    return "" if TOKEN.fullmatch(text) else "is no token that a header can carry"


def _header_problem(text: str) -> str:
    carried = text.isascii() and text.isprintable()
    return "" if carried else "holds what a header cannot carry"


FORMS: Mapping[Form, Callable[[str], str]] = {
    "text": lambda _text: "",
    "url": _url_problem,
    "base_url": _base_url_problem,
    "token": _token_problem,
    "header": _header_problem,
}
