"""Asks the application over HTTP, always now, with bounded retries; the gate's answers as figures.

`exchange` says what is sent, and what an answer means.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from fractions import Fraction
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

from gonogo.application.exchange import (
    LOOPBACK,
    MUST_BE_HTTPS,
    AnswerKind,
    EndpointAnswer,
    headers,
    judge_answer,
    judge_silence,
    measured,
    problem_of,
    without_secrets,
)
from gonogo.config.application import EndpointConfig, Endpoints
from gonogo.errors import StepError
from gonogo.model.kinds import Says
from gonogo.model.measurement import Measurement, Remark

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 3
# Three attempts lie over ten seconds: what the trigger "not accessible" of a page asks for.
PAUSE_S = 5.0
MOST_AT_ONCE = 8
REQUEST_TIMEOUT_S = 5.0
# Ctrl-C that wakes another thread, or comes just before the wait, is handled after so long.
STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class _Question:
    endpoint: EndpointConfig
    url: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Patience:
    pause_s: float
    over: threading.Event


def measure_endpoints(endpoints: Endpoints, environ: Mapping[str, str]) -> dict[str, Measurement]:
    """Ask what a gate asks: one measurement for each metric that an endpoint feeds.

    Args:
        endpoints: What rollout.toml says of the application.
        environ: Holds its address and, optionally, tokens; without an address nothing is asked.
    """
    base_url = environ.get(endpoints.base_url or "", "").strip()
    if not base_url:
        return {}
    asked = {one.name: one for one in endpoints.asked_by("gate")}
    if problem := _problem(endpoints, environ):
        metrics = (one.metric or one.name for one in asked.values())
        return {metric: Measurement(metric, missing=problem) for metric in metrics}
    answers = probe(base_url, tuple(asked.values()), environ, timeout_s=REQUEST_TIMEOUT_S)
    return measured(asked, answers)


def _problem(endpoints: Endpoints, environ: Mapping[str, str]) -> Remark | None:
    """Why nothing may be asked: an address or a token that a deployment refuses as well.

    Only where no token would travel with it, plain http is as good as any.
    """
    carried = (name for one in endpoints.asked_by("gate") for name in one.variables)
    tokens = {name: text for name in carried if (text := environ.get(name, "").strip())}
    base_url = endpoints.base_url or ""
    address = problem_of("base_url", environ.get(base_url, "").strip())
    if address and not (address == MUST_BE_HTTPS and not tokens):
        return Remark(Says.BAD_VARIABLE, base_url, address)
    for name, text in tokens.items():
        if problem := problem_of(endpoints.form_of(name), text):
            return Remark(Says.BAD_VARIABLE, name, problem)
    return None


def down(silent: Mapping[str, Measurement]) -> dict[str, Measurement]:
    """What the silence of an address measures that answered after the deployment: it is down.

    Args:
        silent: From `measured`; what is not silent stays as it is.
    """
    found = dict(silent)
    for metric, one in silent.items():
        if one.missing and is_silent(one):
            gone = replace(one.missing, says=Says.DOWN)
            found[metric] = Measurement(metric, value=Fraction(0), held_back=gone, notes=(gone,))
    return found


def is_silent(one: Measurement) -> bool:
    """Whether no endpoint answered where this was asked."""
    return one.missing is not None and one.missing.says is Says.SILENT


def probe(
    base_url: str,
    endpoints: Sequence[EndpointConfig],
    environ: Mapping[str, str],
    *,
    timeout_s: float,
    pause_s: float = PAUSE_S,
) -> tuple[EndpointAnswer, ...]:
    """Ask every endpoint, side by side; what fails is asked three times in all.

    Args:
        base_url: The application's address.
        endpoints: What is asked; one whose variables are not set is left out.
        environ: The session's variables.
        timeout_s: How long each request may take.
        pause_s: Seconds between attempts.
    """
    questions = tuple(
        _question(base_url, one, environ)
        for one in endpoints
        if all(environ.get(name, "").strip() for name in one.variables)
    )
    patience = _Patience(pause_s, threading.Event())
    with client_of(base_url, timeout_s) as client, ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        try:
            asking = [pool.submit(_patiently, client, one, patience) for one in questions]
            while wait(asking, STEP_S).not_done:
                pass
        except BaseException:
            # Whoever is interrupted waits for an answer that is under way, but for no pause.
            patience.over.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return tuple(one.result() for one in asking)


def ask_once(
    base_url: str, endpoint: EndpointConfig, environ: Mapping[str, str], *, timeout_s: float
) -> EndpointAnswer:
    """Ask one endpoint, and never again.

    Args:
        base_url: The application's address.
        endpoint: What is asked.
        environ: The session's variables.
        timeout_s: How long the answer may take.
    """
    with client_of(base_url, timeout_s) as client:
        return _ask(client, _question(base_url, endpoint, environ))


def wait_healthy(
    base_url: str,
    endpoint: EndpointConfig,
    environ: Mapping[str, str],
    *,
    timeout_s: float,
    request_timeout_s: float = 5.0,
) -> EndpointAnswer:
    """Wait until an endpoint says that the application is ready.

    Args:
        base_url: The application's address.
        endpoint: What is asked.
        environ: The session's variables.
        timeout_s: How long to wait in all.
        request_timeout_s: How long each request may take.

    Returns:
        The last answer: ok, or warning when the application stayed degraded.

    Raises:
        StepError: It is not healthy after `timeout_s`.
    """
    question = _question(base_url, endpoint, environ)
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


def _question(base_url: str, endpoint: EndpointConfig, environ: Mapping[str, str]) -> _Question:
    return _Question(endpoint, base_url.rstrip("/") + endpoint.path, headers(endpoint, environ))


def client_of(base_url: str, timeout_s: float) -> httpx.Client:
    """A client for the application; it follows no redirect.

    Args:
        base_url: The application's address.
        timeout_s: How long each request may take.
    """
    import ssl  # noqa: PLC0415  # httpx brings it

    import httpx  # noqa: PLC0415  # its import is a tenth of the gate's time; most callers never ask

    parts = urlsplit(base_url)
    # A proxy of the environment cannot reach this machine's own loopback.
    near = parts.hostname in LOOPBACK
    # To read the machine's certificates takes 20 ms; nothing is trusted where none are needed.
    verify = parts.scheme != "http" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.Client(
        timeout=timeout_s, trust_env=not near, follow_redirects=False, verify=verify
    )


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
        # Only three HTTP errors are an HTTP error: a silence among them stands for all, and one
        # that may be ours before any other.
        silent = [answer for answer in answers if answer.status is None]
        ours = [answer for answer in silent if answer.kind is AnswerKind.INCONCLUSIVE]
        last = (ours or silent or answers)[-1]
    heard = any(answer.heard for answer in answers)
    return replace(last, attempts=len(answers), heard=heard)


def _last_answer(state: RetryCallState) -> EndpointAnswer:
    answer = state.outcome.result() if state.outcome else None
    if not isinstance(answer, EndpointAnswer):
        raise TypeError("a question always brings an answer")
    return replace(answer, attempts=state.attempt_number)


def _ask(client: httpx.Client, question: _Question) -> EndpointAnswer:
    import httpx  # noqa: PLC0415  # see client_of

    endpoint, shown = question.endpoint, without_secrets(question.url)
    sent, content = dict(question.headers), endpoint.body.encode() or None
    try:
        with client.stream(
            endpoint.method, question.url, headers=sent, content=content
        ) as response:
            kind, reason = judge_answer(endpoint, response)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        kind, reason = judge_silence(error)
        return EndpointAnswer(endpoint.name, shown, kind, reason)
    return EndpointAnswer(endpoint.name, shown, kind, reason, response.status_code, heard=True)
