"""Smoke requests: the two that change something, sent once, by a person's wish, never by the gate.

A manual synchronization for the user of ``SMOKE_JWT``, and a notification for a channel that nobody
knows. Neither is repeated: what did not answer may have been done all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from gonogo.application.answers import (
    NEEDS_TOKEN,
    NOT_FOUND,
    AnswerKind,
    EndpointAnswer,
    judge_silence,
    says_json,
    without_secrets,
)
from gonogo.application.endpoints import client_of
from gonogo.application.environment import problem_of
from gonogo.config import EndpointsConfig

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 30.0
Judged = tuple[AnswerKind, str]


@dataclass(frozen=True, slots=True)
class SmokeAnswer:
    """What one request brought.

    Args:
        title: What the request is for.
        answer: What came back; without an attempt where it was not sent.
        sent_at: When it was sent, or would have been.
        took_s: How long the answer took, in seconds.
    """

    title: str
    answer: EndpointAnswer
    sent_at: datetime
    took_s: float

    @property
    def was_sent(self) -> bool:
        """Whether it left us: then what it asks for may have been done, whatever came back."""
        return self.answer.attempts > 0


@dataclass(frozen=True, slots=True)
class _Request:
    name: str
    title: str
    url: str
    headers: Mapping[str, str]
    judge: Callable[[httpx.Response], Judged]
    missing: str = ""


def send_smoke(endpoints: EndpointsConfig, environ: Mapping[str, str]) -> Iterator[SmokeAnswer]:
    """Send both requests, one when the answer to the other was taken.

    Args:
        endpoints: The paths.
        environ: ``WEBHOOK_BASE_URL``, ``SMOKE_JWT``, ``WEBHOOK_VERIFICATION_TOKEN``.

    Yields:
        An answer each; inconclusive where a variable is missing or malformed, and nothing was sent.
    """
    base_url = environ.get("WEBHOOK_BASE_URL", "").strip()
    with client_of(base_url, TIMEOUT_S) as client:
        for one in _requests(base_url, endpoints, environ):
            sent_at, began = datetime.now(UTC), time.monotonic()
            answer = _send(client, one)
            yield SmokeAnswer(one.title, answer, sent_at, time.monotonic() - began)


def _requests(
    base_url: str, endpoints: EndpointsConfig, environ: Mapping[str, str]
) -> Iterator[_Request]:
    root = base_url.rstrip("/")
    unfit = _unfit(environ, "WEBHOOK_BASE_URL")
    yield _Request(
        "manual_sync",
        "A manual synchronization for the user of SMOKE_JWT",
        root + endpoints.manual_sync,
        {"Authorization": f"Bearer {environ.get('SMOKE_JWT', '').strip()}"},
        _judge_sync,
        unfit or _unfit(environ, "SMOKE_JWT"),
    )
    token = environ.get("WEBHOOK_VERIFICATION_TOKEN", "").strip()
    yield _Request(
        "webhook",
        "A notification for a channel that nobody knows",
        root + endpoints.webhook,
        {
            "X-Goog-Channel-ID": f"gonogo-smoke-{uuid4()}",
            "X-Goog-Resource-ID": "gonogo-smoke",
            "X-Goog-Resource-State": "exists",
            "X-Goog-Message-Number": "1",
            "X-Goog-Channel-Token": token,
        },
        _judge_notification,
        unfit or _unfit(environ, "WEBHOOK_VERIFICATION_TOKEN"),
    )


def _unfit(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name, "").strip()
    if not text:
        return f"{name} is not set"
    problem = problem_of(name, text)
    return f"{name} {problem}" if problem else ""


def _send(client: httpx.Client, request: _Request) -> EndpointAnswer:
    import httpx  # noqa: PLC0415  # its import is a tenth of a command's time

    shown = without_secrets(request.url)
    if request.missing:
        reason = f"not sent: {request.missing}"
        return EndpointAnswer(request.name, shown, AnswerKind.INCONCLUSIVE, reason, attempts=0)
    try:
        response = client.post(request.url, headers=dict(request.headers))
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        kind, reason = judge_silence(error)
        return EndpointAnswer(request.name, shown, kind, reason)
    kind, reason = request.judge(response)
    return EndpointAnswer(request.name, shown, kind, reason, response.status_code)


def _judge_sync(response: httpx.Response) -> Judged:
    if response.is_success:
        return AnswerKind.OK, f"HTTP {response.status_code}: a synchronization was begun"
    if response.status_code in NEEDS_TOKEN:
        return AnswerKind.FAILED, f"HTTP {response.status_code}: SMOKE_JWT is refused"
    return AnswerKind.FAILED, f"HTTP {response.status_code} instead of 200 or 202"


def _judge_notification(response: httpx.Response) -> Judged:
    code = response.status_code
    if response.is_success:
        return AnswerKind.OK, f"HTTP {code}: an unknown channel's notification is taken and ignored"
    if code in NOT_FOUND and says_json(response):
        return AnswerKind.OK, f"HTTP {code}: the channel is unknown, and told so"
    if code in NEEDS_TOKEN:
        return AnswerKind.FAILED, f"HTTP {code}: WEBHOOK_VERIFICATION_TOKEN is refused"
    reason = " and no JSON: nobody serves this path" if code in NOT_FOUND else ""
    return AnswerKind.FAILED, f"HTTP {code}{reason}"
