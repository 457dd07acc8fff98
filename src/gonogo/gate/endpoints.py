"""What the application answers over HTTP, as measurements."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from gonogo.application.answers import AnswerKind, EndpointAnswer
from gonogo.application.endpoints import probe
from gonogo.application.environment import MUST_BE_HTTPS, problem_of
from gonogo.config import EndpointsConfig
from gonogo.criteria import ENDPOINTS
from gonogo.gate.setting import Setting
from gonogo.model.measurement import Measurement, Remark
from gonogo.model.reasons import Says

REQUEST_TIMEOUT_S = 5.0
METRICS = {
    "health": "endpoint.health",
    "admin_closed": "endpoint.admin",
    "admin_open": "endpoint.admin",
    "dashboard": "endpoint.dashboard",
}
WORST_FIRST = (AnswerKind.FAILED, AnswerKind.INCONCLUSIVE, AnswerKind.WARNING, AnswerKind.OK)


def ask_endpoints(
    setting: Setting, endpoints: EndpointsConfig, environ: Mapping[str, str]
) -> dict[str, Measurement]:
    """Ask the application, always now.

    Args:
        setting: From `resolve`; what it leaves out is not asked.
        endpoints: The paths.
        environ: Holds ``WEBHOOK_BASE_URL`` and, optionally, ``ADMIN_JWT``.

    Returns:
        One measurement an endpoint; empty when there is no address to ask.
    """
    base_url = environ.get("WEBHOOK_BASE_URL", "").strip()
    if not base_url or ENDPOINTS in setting.options.without:
        return {}
    jwt = environ.get("ADMIN_JWT", "").strip() or None
    if problem := _problem(base_url, jwt):
        return {metric: Measurement(metric, missing=problem) for metric in METRICS.values()}
    answers = probe(base_url, endpoints, admin_jwt=jwt, timeout_s=REQUEST_TIMEOUT_S)
    by_metric: dict[str, list[EndpointAnswer]] = {}
    for answer in answers:
        by_metric.setdefault(METRICS[answer.name], []).append(answer)
    return {metric: _measured(metric, answers) for metric, answers in by_metric.items()}


def _problem(base_url: str, jwt: str | None) -> Remark | None:
    """Why nothing may be asked: an address or a token that a deployment refuses as well.

    Only where no token would travel with it, plain http is as good as any.
    """
    address = problem_of("WEBHOOK_BASE_URL", base_url)
    if address and not (address == MUST_BE_HTTPS and not jwt):
        return Remark(Says.BAD_VARIABLE, "WEBHOOK_BASE_URL", address)
    token = problem_of("ADMIN_JWT", jwt) if jwt else ""
    return Remark(Says.BAD_VARIABLE, "ADMIN_JWT", token) if token else None


def _measured(metric: str, answers: list[EndpointAnswer]) -> Measurement:
    """An endpoint is as good as the worst of its answers."""
    worst = min(answers, key=lambda answer: WORST_FIRST.index(answer.kind))
    told = Remark(Says.ANSWERED, worst.url, worst.reason)
    if worst.kind is AnswerKind.INCONCLUSIVE:
        return Measurement(metric, missing=told)
    value = Fraction(worst.kind is not AnswerKind.FAILED)
    degraded = told if worst.kind is AnswerKind.WARNING else None
    return Measurement(metric, value=value, degraded=degraded, notes=(told,))
