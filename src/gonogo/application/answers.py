"""What an endpoint's answer says: pure, but for what an answer still has to send.

What the application answers wrongly, or a refused connection, is its failure; a name that does not
resolve, no route or a time-out may be ours, and is inconclusive.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    import httpx

# An answer about health is a line; a page's content is not looked at.
MOST_BYTES = 64 * 1024
WHOLE_WITHIN_S = 5.0
OK = 200
NEEDS_TOKEN = (401, 403)
REFUSES = (400, 401, 403, 422)
NOT_FOUND = (404, 410)


class AnswerKind(StrEnum):
    """What an answer says."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class EndpointAnswer:
    """One endpoint's answer.

    Args:
        name: health, admin_closed, admin_open, dashboard, webhook or manual_sync.
        url: What was asked, without anything secret.
        kind: What the answer says.
        reason: The same as a sentence part.
        status: The HTTP status; None when there was no answer.
        attempts: How often it was asked; 0 where nothing was sent.
    """

    name: str
    url: str
    kind: AnswerKind
    reason: str
    status: int | None = None
    attempts: int = 1


def judge_health(response: httpx.Response) -> tuple[AnswerKind, str]:
    """Whether the application says that it is well: 200 and ``healthy``; degraded is a warning."""
    if response.status_code != OK:
        return AnswerKind.FAILED, f"HTTP {response.status_code} instead of 200"
    try:
        body = json.loads(_beginning(response))
    except (ValueError, RecursionError):
        return AnswerKind.FAILED, "HTTP 200, but no JSON"
    status = body.get("status") if isinstance(body, dict) else None
    if status == "healthy":
        return AnswerKind.OK, "HTTP 200, healthy"
    if status == "degraded":
        return AnswerKind.WARNING, "HTTP 200, but degraded"
    return AnswerKind.FAILED, f"HTTP 200, but status is {str(status)!r}"


def _beginning(response: httpx.Response) -> bytes:
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


def judge_closed(response: httpx.Response) -> tuple[AnswerKind, str]:
    """Whether the admin's figures are closed to whoever brings no token."""
    if response.status_code in NEEDS_TOKEN:
        return AnswerKind.OK, f"HTTP {response.status_code} without a token"
    if response.status_code == OK:
        return AnswerKind.FAILED, "HTTP 200 without a token: anyone can read it"
    return AnswerKind.FAILED, f"HTTP {response.status_code} instead of 401 or 403 without a token"


def judge_page(response: httpx.Response) -> tuple[AnswerKind, str]:
    """Whether a page is there."""
    if response.status_code == OK:
        return AnswerKind.OK, "HTTP 200"
    return AnswerKind.FAILED, f"HTTP {response.status_code} instead of 200"


def judge_webhook(response: httpx.Response) -> tuple[AnswerKind, str]:
    """A request without Google's headers is no notification: whoever serves the path refuses it."""
    code = response.status_code
    if response.is_success or code in REFUSES:
        return AnswerKind.OK, f"HTTP {code} to what is no notification"
    if code in NOT_FOUND and says_json(response):
        return AnswerKind.OK, f"HTTP {code}: there is no such channel"
    why = ": nobody serves this path" if code in NOT_FOUND else ""
    return AnswerKind.FAILED, f"HTTP {code} to what is no notification{why}"


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


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
