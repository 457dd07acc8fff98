"""Smoke requests: those that change something, sent once, by a person's wish, never by the gate.

None is repeated: what did not answer may have been done all the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gonogo.application.endpoints import ask_once
from gonogo.application.exchange import AnswerKind, EndpointAnswer, problem_of, without_secrets
from gonogo.config.application import EndpointConfig, Endpoints

TIMEOUT_S = 30.0


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


def send_smoke(endpoints: Endpoints, environ: Mapping[str, str]) -> Iterator[SmokeAnswer]:
    """Send every smoke request, one when the answer to the one before was taken.

    Args:
        endpoints: What rollout.toml says of the application.
        environ: The session's variables.

    Yields:
        An answer each; inconclusive where a variable is missing or malformed, and nothing was sent.
    """
    base_url = environ.get(endpoints.base_url or "", "").strip()
    for one in endpoints.asked_by("smoke"):
        sent_at, began = datetime.now(UTC), time.monotonic()
        if missing := _missing(endpoints, one, environ):
            answer = _unsent(base_url, one, missing)
        else:
            answer = ask_once(base_url, one, environ, timeout_s=TIMEOUT_S)
        yield SmokeAnswer(one.title, answer, sent_at, time.monotonic() - began)


def _missing(endpoints: Endpoints, one: EndpointConfig, environ: Mapping[str, str]) -> str:
    """Why a request cannot be sent; empty when it can."""
    for name in filter(None, (endpoints.base_url, *one.variables)):
        text = environ.get(name, "").strip()
        if not text:
            return f"{name} is not set"
        if problem := problem_of(endpoints.form_of(name), text):
            return f"{name} {problem}"
    return ""


def _unsent(base_url: str, one: EndpointConfig, missing: str) -> EndpointAnswer:
    shown = without_secrets(base_url.rstrip("/") + one.path)
    unsent = f"not sent: {missing}"
    return EndpointAnswer(one.name, shown, AnswerKind.INCONCLUSIVE, unsent, attempts=0)
