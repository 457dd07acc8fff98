"""What the application answers over HTTP, as measurements."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from gonogo.application.answers import AnswerKind, EndpointAnswer
from gonogo.application.endpoints import probe
from gonogo.application.environment import MUST_BE_HTTPS, problem_of
from gonogo.config import Endpoints
from gonogo.criteria import ENDPOINTS
from gonogo.gate.setting import Setting
from gonogo.model.kinds import Says
from gonogo.model.measurement import Measurement, Remark

REQUEST_TIMEOUT_S = 5.0
WORST_FIRST = (AnswerKind.FAILED, AnswerKind.INCONCLUSIVE, AnswerKind.WARNING, AnswerKind.OK)


def ask_endpoints(
    setting: Setting, endpoints: Endpoints, environ: Mapping[str, str]
) -> dict[str, Measurement]:
    """Ask the application, always now.

    Args:
        setting: From `resolve`; what it leaves out is not asked.
        endpoints: What rollout.toml says of the application.
        environ: Holds its address and, optionally, tokens.

    Returns:
        One measurement for each metric that an endpoint feeds; empty when there is no address.
    """
    base_url = environ.get(endpoints.base_url or "", "").strip()
    if not base_url or ENDPOINTS in setting.options.without:
        return {}
    asked = {one.name: one for one in endpoints.asked_by("gate")}
    if problem := _problem(endpoints, environ):
        metrics = (one.metric or one.name for one in asked.values())
        return {metric: Measurement(metric, missing=problem) for metric in metrics}
    answers = probe(base_url, tuple(asked.values()), environ, timeout_s=REQUEST_TIMEOUT_S)
    by_metric: dict[str, list[EndpointAnswer]] = {}
    for answer in answers:
        by_metric.setdefault(asked[answer.name].metric or answer.name, []).append(answer)
    return {metric: _measured(metric, answers) for metric, answers in by_metric.items()}


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


def _measured(metric: str, answers: list[EndpointAnswer]) -> Measurement:
    """An endpoint is as good as the worst of its answers."""
    worst = min(answers, key=lambda answer: WORST_FIRST.index(answer.kind))
    told = Remark(Says.ANSWERED, worst.url, worst.reason)
    if worst.kind is AnswerKind.INCONCLUSIVE:
        return Measurement(metric, missing=told)
    value = Fraction(worst.kind is not AnswerKind.FAILED)
    degraded = told if worst.kind is AnswerKind.WARNING else None
    return Measurement(metric, value=value, degraded=degraded, notes=(told,))
