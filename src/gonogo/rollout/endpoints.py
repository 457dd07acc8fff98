"""Asks the application over HTTP, always now, with bounded retries.

What the application answers wrongly, or a refused connection, is its failure; a name that does not
resolve, no route or a time-out may be ours, and is inconclusive.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_result,
    sleep_using_event,
    stop_after_attempt,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential,
    wait_fixed,
)

from gonogo.errors import StepError
from gonogo.rollout.config import EndpointsConfig

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 3
# Three attempts lie over ten seconds: what the trigger "admin dashboard not accessible" asks for.
PAUSE_S = 5.0
NAMES = ("health", "admin_closed", "admin_open", "dashboard")
# An answer about health is a line; a page's content is not looked at.
MOST_BYTES = 64 * 1024
WHOLE_WITHIN_S = 5.0
OK = 200
# Asked of a new version by its deployment alone: a gate sends nothing but GET.
DEPLOYED_NAMES = (*NAMES, "webhook")
NEEDS_TOKEN = (401, 403)
REFUSES = (400, 401, 403, 422)
NOT_FOUND = (404, 410)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


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
        name: health, admin_closed, admin_open, dashboard or webhook.
        url: What was asked, without anything secret.
        kind: What the answer says.
        reason: The same as a sentence part.
        status: The HTTP status; None when there was no answer.
        attempts: How often it was asked.
    """

    name: str
    url: str
    kind: AnswerKind
    reason: str
    status: int | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    url: str
    judge: Callable[[httpx.Response], tuple[AnswerKind, str]]
    jwt: str | None = None
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class _Patience:
    pause_s: float
    over: threading.Event


def probe(
    base_url: str,
    endpoints: EndpointsConfig,
    *,
    admin_jwt: str | None,
    timeout_s: float,
    names: Sequence[str] = NAMES,
    pause_s: float = PAUSE_S,
) -> tuple[EndpointAnswer, ...]:
    """Ask every endpoint, side by side; what fails is asked three times in all.

    Args:
        base_url: ``WEBHOOK_BASE_URL``.
        endpoints: The paths below it.
        admin_jwt: The admin's token; without it only the refusal is asked for.
        timeout_s: How long each request may take.
        names: Which endpoints.
        pause_s: Seconds between attempts.
    """
    every = _questions(base_url, endpoints, admin_jwt)
    questions = tuple(question for question in every if question.name in names)
    patience = _Patience(pause_s, threading.Event())
    with client_of(base_url, timeout_s) as client, ThreadPoolExecutor(len(NAMES)) as pool:
        try:
            return tuple(pool.map(lambda one: _patiently(client, one, patience), questions))
        except BaseException:
            # Whoever is interrupted waits for an answer that is under way, but for no pause.
            patience.over.set()
            raise


def wait_healthy(
    base_url: str, endpoints: EndpointsConfig, *, timeout_s: float, request_timeout_s: float = 5.0
) -> EndpointAnswer:
    """Wait until the health endpoint says healthy.

    Args:
        base_url: ``WEBHOOK_BASE_URL``.
        endpoints: The paths below it.
        timeout_s: How long to wait in all.
        request_timeout_s: How long each request may take.

    Returns:
        The last answer: ok, or warning when the application stayed degraded.

    Raises:
        StepError: It is not healthy after `timeout_s`.
    """
    question = next(_questions(base_url, endpoints, None))
    with client_of(base_url, request_timeout_s) as client:
        answer = Retrying(
            stop=stop_after_delay(timeout_s),
            wait=wait_exponential(multiplier=0.05, max=2),
            retry=retry_if_result(lambda answer: answer.kind is not AnswerKind.OK),
            retry_error_callback=_last_answer,
        )(_ask, client, question)
    if answer.kind in {AnswerKind.OK, AnswerKind.WARNING}:
        return answer
    raise StepError(
        f"{answer.url} is not healthy after {timeout_s:g} s: {answer.reason}",
        "read the application's log, or raise health_timeout_s in rollout.toml",
        step="wait_healthy",
    )


def _questions(base_url: str, endpoints: EndpointsConfig, jwt: str | None) -> Iterator[_Question]:
    root = base_url.rstrip("/")
    yield _Question("health", root + endpoints.health, _judge_health)
    yield _Question("admin_closed", root + endpoints.admin, _judge_closed)
    if jwt:
        yield _Question("admin_open", root + endpoints.admin, _judge_page, jwt)
    yield _Question("dashboard", root + endpoints.dashboard, _judge_page)
    yield _Question("webhook", root + endpoints.webhook, _judge_webhook, method="POST")


def client_of(base_url: str, timeout_s: float) -> httpx.Client:
    """A client for the application; it follows no redirect.

    Args:
        base_url: ``WEBHOOK_BASE_URL``.
        timeout_s: How long each request may take.
    """
    import httpx  # noqa: PLC0415  # its import is a tenth of the gate's time; most callers never ask

    # A proxy of the environment cannot reach this machine's own loopback.
    near = urlsplit(base_url).hostname in LOOPBACK
    return httpx.Client(timeout=timeout_s, trust_env=not near, follow_redirects=False)


def _patiently(client: httpx.Client, question: _Question, patience: _Patience) -> EndpointAnswer:
    settled = {AnswerKind.OK, AnswerKind.WARNING}
    answers: list[EndpointAnswer] = []

    def ask() -> EndpointAnswer:
        if not (answers and patience.over.is_set()):
            answers.append(_ask(client, question))
        return answers[-1]

    last = Retrying(
        stop=stop_after_attempt(ATTEMPTS) | stop_when_event_set(patience.over),
        wait=wait_fixed(patience.pause_s),
        sleep=sleep_using_event(patience.over),
        retry=retry_if_result(lambda answer: answer.kind not in settled),
        retry_error_callback=_last_answer,
    )(ask)
    if last.kind is AnswerKind.FAILED:
        # Only three failures are the application's: a silence among them, which may be ours, leaves
        # it open.
        silent = [answer for answer in answers if answer.kind is AnswerKind.INCONCLUSIVE]
        last = silent[-1] if silent else last
    return replace(last, attempts=len(answers))


def _last_answer(state: RetryCallState) -> EndpointAnswer:
    answer = state.outcome.result() if state.outcome else None
    if not isinstance(answer, EndpointAnswer):
        raise TypeError("a question always brings an answer")
    return replace(answer, attempts=state.attempt_number)


def _ask(client: httpx.Client, question: _Question) -> EndpointAnswer:
    import httpx  # noqa: PLC0415  # see _client

    headers = {"Authorization": f"Bearer {question.jwt}"} if question.jwt else {}
    shown = without_secrets(question.url)
    try:
        with client.stream(question.method, question.url, headers=headers) as response:
            kind, reason = question.judge(response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind, reason = judge_silence(error)
        return EndpointAnswer(question.name, shown, kind, reason)
    return EndpointAnswer(question.name, shown, kind, reason, response.status_code)


def judge_silence(error: Exception) -> tuple[AnswerKind, str]:
    """What it means that no answer came: whose fault, and why, as a sentence part."""
    import httpx  # noqa: PLC0415  # see _client

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


def _judge_health(response: httpx.Response) -> tuple[AnswerKind, str]:
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
    return AnswerKind.FAILED, f"HTTP 200, but status is {str(status)[:40]!r}"


def _beginning(response: httpx.Response) -> bytes:
    """What an answer holds, as far as it can be of interest: one that never ends is cut off."""
    import httpx  # noqa: PLC0415  # see client_of

    content, until = b"", time.monotonic() + WHOLE_WITHIN_S
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            break
        if time.monotonic() > until:
            raise httpx.ReadTimeout("it trickles", request=response.request)
    return content


def _judge_closed(response: httpx.Response) -> tuple[AnswerKind, str]:
    if response.status_code in NEEDS_TOKEN:
        return AnswerKind.OK, f"HTTP {response.status_code} without a token"
    if response.status_code == OK:
        return AnswerKind.FAILED, "HTTP 200 without a token: anyone can read it"
    return AnswerKind.FAILED, f"HTTP {response.status_code} instead of 401 or 403 without a token"


def _judge_page(response: httpx.Response) -> tuple[AnswerKind, str]:
    if response.status_code == OK:
        return AnswerKind.OK, "HTTP 200"
    return AnswerKind.FAILED, f"HTTP {response.status_code} instead of 200"


def _judge_webhook(response: httpx.Response) -> tuple[AnswerKind, str]:
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
