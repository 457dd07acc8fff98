"""The one place where codes and figures become English.

Findings, measurements and verdicts carry codes and figures. Terminal, page, step summary,
checklist, JUnit and pytest take their sentences from here, and nothing reads a sentence back. The
templates of the sentences are in `report.sentences`.
A figure has one digit after the point, and more where it takes more: it never reads as if it lay
on a limit, or on its other side, when it does not. 26.04 h against ``<= 26 h`` reads 26.04 h.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from gonogo.model.finding import Finding, LevelLimit, Silence, VerdictReason
from gonogo.model.kinds import Level, Reason, Role, Why
from gonogo.model.limit import UNITS, Interval, Limit
from gonogo.model.measurement import (
    Count,
    Measurement,
    Remark,
    Worst,
    format_duration,
    format_moment,
)
from gonogo.report.sentences import ANSWERS, REASONS, REMARKS, TALLY, WHYS, WITHOUT, WORST
from gonogo.report.text import cut

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
# A limit that is nearer than this is as good as met; its judgement stays exact.
MOST_DIGITS = 12
# From so many of all failures on, whose they are belongs to the recommendation.
MOSTLY = Fraction(1, 2)
MOST_OF_A_NAME = 80


class Metric(Protocol):
    """What must be known of a metric to write its figures down."""

    @property
    def kind(self) -> str:
        """Rate, census, quantity, answer or top."""

    @property
    def unit(self) -> str:
        """A key of `UNITS`."""

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Every limit that its value is held against."""


def reason_of(finding: Finding, metric: Metric) -> str:
    """Why a finding's outcome is what it is, in one sentence without a full stop.

    Args:
        finding: Codes and figures.
        metric: Whose.
    """
    figures, passed = finding.figures, finding.figures.passed
    silence = figures.silence
    # Of a criterion, whose evidence rule looks at the interval, that is a part of the reason.
    rated = finding.role is Role.CRITERION and not figures.part
    shares = [one.share or Fraction(0) for one in (figures.before, figures.count) if one]
    return template_of(finding, metric).format(
        remark=remark_of(figures.remark) if figures.remark else "",
        shown=_shown(finding, metric, with_interval=rated),
        before=show_share(shares[0], metric.limits) if shares else "",
        share=show_share(shares[-1], metric.limits) if shares else "",
        fell="fell" if shares and shares[-1] < shares[0] else "rose",
        since=f"{figures.since:%Y-%m-%d %H:%M UTC}" if figures.since else "",
        alone=f"{figures.part} alone " if figures.part else "",
        part=figures.part,
        silent=_cut_off(silence.silent_s) if silence else "",
        usual=f"{float(silence.usual):,.1f}".removesuffix(".0") if silence else "",
        overdue=_overdue(silence) if silence else "",
        of_part=f" of {figures.part}" if figures.part else "",
        n=figures.count.n if figures.count else 0,
        level=passed.level.value if passed else "",
        limit=passed.limit.text if passed else "",
        needed=figures.needed,
        more=_more(finding),
        because=f" ({'; '.join(map(remark_of, figures.notes))})" if figures.notes else "",
    )


def remark_of(remark: Remark) -> str:
    """A remark as a part of a sentence."""
    minutes = format_duration((remark.number or 0) * MINUTE)
    text = REMARKS[remark.says].format(
        subject=remark.subject, detail=remark.detail, number=remark.number, minutes=minutes
    )
    return f"{remark.member}: {text}" if remark.member else text


def whose(measurement: Measurement, least: Fraction = Fraction(0)) -> tuple[str, ...]:
    """Whose failures a rate's are: a part of a sentence for the worst of each (user, message).

    Args:
        measurement: Of the rate.
        least: The share of all failures from which on one is named.
    """
    return tuple(
        WORST.format(
            by=one.by,
            name=cut(one.name, MOST_OF_A_NAME),
            k=one.failures.k,
            n=one.failures.n,
            without=_without(one),
        )
        for one in measurement.worst
        if (one.failures.share or 0) >= least
    )


def _without(one: Worst) -> str:
    share = one.without.share if one.without else None
    return "" if share is None else WITHOUT.format(by=one.by, share=show_share(share))


def limits_text(limits: Iterable[LevelLimit]) -> str:
    """Limits as the criteria file writes them; an alert's levels by name."""
    return ", ".join(map(limit_text, limits))


def limit_text(one: LevelLimit) -> str:
    """One limit as the criteria file writes it; an alert's level by name."""
    named = one.level in {Level.WARNING, Level.CRITICAL}
    return f"{one.level} {one.limit.text}" if named else one.limit.text


def verdict_reasons(
    reasons: Iterable[VerdictReason],
    findings: Iterable[Finding],
    metrics: Mapping[str, Metric],
    names: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The reasons of a verdict in sentences, each once.

    Args:
        reasons: From a `Verdict`: why, or its warnings.
        findings: The answers that it rests on.
        metrics: By id.
        names: What a metric is called, by id; its id where it has no name here.
    """
    given = {finding.id: finding for finding in findings}
    sentences = (_verdict_reason(reason, given, metrics, names or {}) for reason in reasons)
    return tuple(dict.fromkeys(sentences))


def _verdict_reason(
    reason: VerdictReason,
    findings: Mapping[str, Finding],
    metrics: Mapping[str, Metric],
    names: Mapping[str, str],
) -> str:
    if reason.why is Why.ALL_MET:
        return tally(list(findings.values()))
    if reason.why is Why.FINDING:
        finding = findings[reason.subject]
        name = names.get(finding.metric, finding.metric)
        return f"{name}: {reason_of(finding, metrics[finding.metric])}"
    own = reason.finding
    return WHYS[reason.why].format(
        subject=names.get(own.metric, own.metric) if own else reason.subject,
        member=reason.member,
        finding=reason_of(own, metrics[own.metric]) if own else "",
        remark=remark_of(reason.remark) if reason.remark else "",
        k=reason.count.k if reason.count else 0,
        n=reason.count.n if reason.count else 0,
        covered=_cut_off(reason.covered_s or 0),
        asked=format_duration(timedelta(seconds=reason.asked_s or 0)),
        verdict=reason.verdict,
        at=format_moment(reason.at) if reason.at else "",
    )


def tally(findings: Sequence[Finding]) -> str:
    """Such as ``103 checks met with evidence, 2 left out``."""
    counts = Counter(finding.outcome for finding in findings)
    return ", ".join(
        f"{counts[outcome]} {name}" for outcome, name in TALLY.items() if counts[outcome]
    )


def template_of(finding: Finding, metric: Metric) -> str:
    """The sentence of a reason; some read otherwise for a rate, a band, or an answer."""
    if metric.kind == "answer" and finding.reason in ANSWERS:
        return ANSWERS[finding.reason]
    passed = finding.figures.passed
    comma = "," if finding.interval and finding.role is Role.CRITERION else ""
    match finding.reason:
        case Reason.MEETS:
            within = "lies within" if passed and passed.limit.is_band and comma else "meets"
            return f"{{shown}}{comma} {within} {{limit}}{{because}}"
        case Reason.MISSES:
            return f"{{shown}}{comma} misses {{limit}}{{because}}"
        case Reason.PAST_LEVEL:
            return f"{{shown}}{comma} is past {{level}} {{limit}}"
        case Reason.PAST_LEVEL_BUT_FEW:
            level = "" if passed and passed.level is Level.TRIGGER else "{level} "
            return f"{{shown}}: past {level}{{limit}}, but only {{n}} counted"
        case reason:
            return REASONS[reason]


def _shown(finding: Finding, metric: Metric, *, with_interval: bool) -> str:
    figures = finding.figures
    if figures.count is None and figures.value is None:
        return ""
    shown = show_value(metric, figures.count, figures.value)
    if not with_interval or finding.interval is None:
        return shown
    return f"{shown}, 95 % interval {show_interval(finding.interval, metric.limits)}"


def _more(finding: Finding) -> str:
    """How many more events would settle it."""
    more = finding.figures.more
    if not more:
        return ""
    events = "" if finding.figures.part else " events"
    return f"; about {more} more{events} at this rate would settle it"


def _overdue(silence: Silence) -> str:
    """How many may be, where there are few to tell by; else how many are."""
    if silence.independent > silence.overdue:
        return f"{silence.overdue} to {silence.independent}"
    return f"about {silence.overdue}"


def silence_text(finding: Finding) -> str:
    """Such as ``silent for 19h``; empty where no presence was asked."""
    silence = finding.figures.silence
    if finding.role is not Role.PRESENCE:
        return ""
    return f"silent for {_cut_off(silence.silent_s)}" if silence else "no data"


def _cut_off(seconds: int) -> str:
    """Whole hours, or minutes below one hour: 47 h 59 min never reads 48 h."""
    length = timedelta(seconds=seconds)
    unit = HOUR if length >= HOUR else MINUTE
    return format_duration(length // unit * unit) if length >= MINUTE else "0m"


def show_value(metric: Metric, count: Count | None, value: Fraction | None) -> str:
    """A count or a quantity in the unit that the metric's limits are written in."""
    if count is not None:
        return show_count(count, metric.limits)
    if value is None:
        return "no data"
    if metric.kind == "answer":
        return "yes" if value else "no"
    scale = UNITS[metric.unit][1]
    scaled = value / scale
    whole = scaled.denominator == 1
    number = str(scaled) if whole else _decimal(value, scale, metric.limits, round)
    return f"{number} {metric.unit}".strip()


def show_count(count: Count, limits: Iterable[Limit] = ()) -> str:
    """Such as ``97.5 % (195 of 200)``; `limits` are what the share is held against."""
    if count.share is None:
        return "0 of 0"
    return f"{show_share(count.share, limits)} ({count.k} of {count.n})"


def show_share(share: Fraction, limits: Iterable[Limit] = ()) -> str:
    """Such as ``97.5 %``, cut off rather than rounded up so that 94.99 % never reads 95.0 %."""
    return f"{_decimal(share, UNITS['%'][1], limits, math.floor)} %"


def show_interval(interval: Interval, limits: Iterable[Limit] = ()) -> str:
    """Such as ``95.1 to 98.9 %``, an interval of shares."""
    held = tuple(limits)
    ends = (Fraction(end) for end in (interval.low, interval.high))
    low, high = (_decimal(end, UNITS["%"][1], held, round) for end in ends)
    return f"{low} to {high} %"


def _decimal(
    value: Fraction, scale: Fraction, limits: Iterable[Limit], to_integer: Callable[[Fraction], int]
) -> str:
    """`value` in `scale`, with as many digits as show on which side of each limit it lies."""
    exact = value / scale
    ends = [end / scale for limit in limits for end in limit.ends]
    sides = [(exact > end, exact < end) for end in ends]
    for digits in range(1, MOST_DIGITS):
        shown = Fraction(to_integer(exact * 10**digits), 10**digits)
        if [(shown > end, shown < end) for end in ends] == sides:
            break
    return f"{Decimal(to_integer(exact * 10**digits)).scaleb(-digits):f}"
