"""Asks the application over HTTP, always now, with bounded retries.

What an answer says is `answers`' to tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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

from gonogo.application.answers import (
    AnswerKind,
    EndpointAnswer,
    judge_closed,
    judge_health,
    judge_page,
    judge_silence,
    judge_webhook,
    without_secrets,
)
from gonogo.config import EndpointsConfig
from gonogo.errors import StepError

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 3
# Three attempts lie over ten seconds: what the trigger "admin dashboard not accessible" asks for.
PAUSE_S = 5.0
NAMES = ("health", "admin_closed", "admin_open", "dashboard")
# Asked of a new version by its deployment alone: a gate sends nothing but GET.
DEPLOYED_NAMES = (*NAMES, "webhook")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


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
    yield _Question("health", root + endpoints.health, judge_health)
    yield _Question("admin_closed", root + endpoints.admin, judge_closed)
    if jwt:
        yield _Question("admin_open", root + endpoints.admin, judge_page, jwt)
    yield _Question("dashboard", root + endpoints.dashboard, judge_page)
    yield _Question("webhook", root + endpoints.webhook, judge_webhook, method="POST")


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
    import httpx  # noqa: PLC0415  # see client_of

    headers = {"Authorization": f"Bearer {question.jwt}"} if question.jwt else {}
    shown = without_secrets(question.url)
    try:
        with client.stream(question.method, question.url, headers=headers) as response:
            kind, reason = question.judge(response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind, reason = judge_silence(error)
        return EndpointAnswer(question.name, shown, kind, reason)
    return EndpointAnswer(question.name, shown, kind, reason, response.status_code)
