"""Absence: whether events of a stream are overdue since its newest one. Pure.

The hours of the silence are compared with the same hours of up to eight earlier days. These give
a rate for each hour of the day; its sum over the silence is what is overdue. Of a Poisson process
with that rate, none of x overdue events comes with a probability of exp(-x) (Cox and Lewis, "The
statistical analysis of series of events", 1966). Events that come along with others count once, so
that the same holds of clusters (Daley and Vere-Jones, "An introduction to the theory of point
processes", 2003, section 6.3). exp(-20) leaves room for all that is unknown:

- *Days*: an hour has the level of the same day of last week where it is known, else of the known
  working days or weekends. Few events draw a level to the mean. Where no weekend is known yet, it
  is taken for a third of a working day.
- *Bursts at fixed hours* (a job each 12 h): a peak that is narrower than three hours counts as one
  event, however many rows it holds. Peaks are what a morphological opening takes away (the "top-hat
  transform"; Serra, "Image analysis and mathematical morphology", 1982), which leaves waves, steps
  and nights as they are.
- *Clusters and batches*: in the gap that a moment falls into, a Poisson process expects 2 events
  whatever its rate (the inspection paradox; Feller, "An introduction to probability theory and its
  applications" II, 1971, I.4; in time rescaled by the rate, Brown et al., Neural Computation 14,
  2002). What the gaps across the beginning of past hours held beyond that came along with others,
  or all at once at every run of a job. Of sparse clusters it is also what makes as many hours empty
  as are: exp(-rate).
- *Uncertainty*: the rate may be twice what was estimated, and two standard errors more, and the
  dispersion may be chance. What may be 20 overdue is held.
- *Little history*: with k busy hours known, the chance of a silence that expects x events is about
  (1 + x / k)^-k, as the rate is uncertain too (the gamma-Poisson prediction). Where that is no
  surprise, nothing is overdue.
- *Hours of the day of which nothing is known* count like the quietest known one, and no more than a
  twentieth of the mean: it may be night.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from statistics import fmean, median_high

from gonogo.criteria import Metric, Rules
from gonogo.judge.evidence import Judgement
from gonogo.model.finding import Figures, LevelLimit, Silence
from gonogo.model.kinds import Level, Outcome, Reason
from gonogo.model.measurement import Measurement, Stream

HOUR, DAY, WEEK = timedelta(hours=1), 24, 7
HOUR_S = 3600
SATURDAY = 5
NIGHT, QUIETEST_DAY = 1 / 20, 1 / 3
# A day of which so many hours are known has a level.
MOST_OF_A_DAY = 18
# So many events stand for the mean level beside a day's own.
PRIOR = 40.0
# Hours on either side that share an hour's dispersion.
NEIGHBOURS = 2
STANDARD_ERRORS, RATE_ALLOWANCE = 2.0, 2.0
DISPERSION_ALLOWANCE = 1.25
# Of a Poisson process, so many events are expected in the gap that a moment falls into.
IN_A_GAP = 2.0
MOST_DISPERSION, BISECTIONS = 1e6, 40
# exp(-8) is a chance of 0.03 %.
LEAST_SURPRISE = 8.0
Rate = Callable[[int], float]


def judge_presence(metric: Metric, measurement: Measurement, rules: Rules) -> Judgement:
    """Whether a metric's stream flows: whole, and by part.

    Args:
        metric: Its longest silence, if it has one.
        measurement: What came, by the hour.
        rules: How many overdue events hold the verdict.
    """
    streams = measurement.streams
    silences = {name: found for name, one in streams.items() if (found := silence_of(one))}
    if not silences:
        empty = metric.empty == "none"
        outcome = Outcome.MET if empty else Outcome.INCONCLUSIVE
        return outcome, Reason.NONE if empty else Reason.NEVER_CAME, Figures()
    limit = metric.presence.critical if metric.presence else None
    worst = max(silences, key=lambda name: (silences[name].independent, not name))
    longest = max(silences, key=lambda name: (silences[name].silent_s, not name))

    def figures(name: str, passed: LevelLimit | None = None) -> Figures:
        since, silence = streams[name].last_at, silences[name]
        return Figures(silence=silence, since=since, part=name, passed=passed)

    if limit and limit.holds(Fraction(silences[longest].silent_s)):
        passed = LevelLimit(Level.CRITICAL, limit)
        return Outcome.CRITICAL, Reason.SILENT_TOO_LONG, figures(longest, passed)
    if silences[worst].independent >= rules.overdue_n:
        return Outcome.INCONCLUSIVE, Reason.OVERDUE, figures(worst)
    if never := next((name for name in streams if name not in silences), None):
        return Outcome.INCONCLUSIVE, Reason.NEVER_CAME, Figures(part=never)
    return Outcome.MET, Reason.FLOWS, figures(longest)


def silence_of(stream: Stream) -> Silence | None:
    """How long a stream has been silent, and what is overdue since; None where nothing came.

    Args:
        stream: What came, by the hour.
    """
    if stream.last_at is None:
        return None
    silent_h = max((stream.until - stream.last_at) / HOUR, 0.0)
    history = _History(stream, math.floor(silent_h))
    events = history.expected(silent_h, history.rate)
    independent = history.expected(silent_h, history.independent)
    surprise = history.busy * math.log1p(independent / history.busy)
    if surprise < LEAST_SURPRISE:
        independent = surprise
    else:
        independent *= RATE_ALLOWANCE
        independent += STANDARD_ERRORS * math.sqrt(independent / max(history.days, 1))
    usual = events / silent_h if silent_h else history.rate(0)
    return Silence(
        int(silent_h * HOUR_S),
        Fraction(round(usual * 100), 100),
        int(events),
        int(independent),
    )


class _History:
    """The hours before a silence, counted back from now, and what they say of the silent ones.

    Args:
        stream: What came, by the hour.
        silent: How many whole hours are silent; the hour after these is silent in part.
    """

    def __init__(self, stream: Stream, silent: int) -> None:
        hours, self.until = stream.hours, stream.until
        self._days: dict[int, int] = {}
        self.first_s, self.last_s = stream.first_s, stream.last_s
        first = max((hour for hour, n in enumerate(hours) if n), default=0)
        # The hour in which the silence begins, and the oldest one, are known in part only.
        whole = range(silent + 1, first) or range(silent, silent + 1)
        self.known = {hour: hours[hour] for hour in whole if hour < len(hours)} or {0: 0}
        self.days = round(len(self.known) / DAY)
        self.busy = sum(n > 0 for n in self.known.values()) or 1
        by_hour: dict[int, list[int]] = {}
        for hour, n in self.known.items():
            by_hour.setdefault(hour % DAY, []).append(n)
        self.means = {hour: fmean(counts) for hour, counts in by_hour.items()}
        self.total = DAY * fmean(self.means.values())
        self.levels = self._levels()
        self.steady = {hour: self._steady(hour) for hour in self.means}
        self.dispersions = self._dispersions()

    def expected(self, silent_h: float, rate: Rate) -> float:
        """The sum of a rate over the silence.

        The hour in which it begins is silent in its later part, which may be like the quieter of
        this hour and the next.
        """
        whole = math.floor(silent_h)
        rest = (silent_h - whole) * min(rate(whole), rate(whole - 1))
        return sum(map(rate, range(whole))) + rest

    def rate(self, hour: int) -> float:
        """The events to be expected in an hour."""
        mean = self.means.get(hour % DAY)
        if mean is None:
            return min(*self.means.values(), NIGHT * self.total / DAY)
        return mean * self._level(hour)

    def independent(self, hour: int) -> float:
        """The same, counting what comes together once."""
        mean = self.means.get(hour % DAY)
        if not mean:
            return self.rate(hour)
        rate = self.rate(hour) / self.dispersions[hour % DAY]
        steady = rate * self.steady[hour % DAY] / mean
        return steady + min(rate - steady, 1 + 2 * math.sqrt(steady))

    def _levels(self) -> dict[int, float]:
        """How much came on each day that is known, beside the mean of its hours."""
        came: dict[int, list[tuple[int, float]]] = {}
        for hour, n in self.known.items():
            came.setdefault(self._day(hour), []).append((n, self.means[hour % DAY]))
        sums = {day: [sum(column) for column in zip(*of, strict=True)] for day, of in came.items()}
        return {
            day: n / expected
            for day, (n, expected) in sums.items()
            if expected and len(came[day]) >= MOST_OF_A_DAY
        }

    def _level(self, hour: int) -> float:
        day = self._day(hour)
        free = self._is_free(day)
        alike = [level for other, level in self.levels.items() if self._is_free(other) is free]
        if alike:
            usual = self._drawn(median_high(alike), 1.0)
        else:
            usual = max(self.levels.values(), default=1.0) * (QUIETEST_DAY if free else 1)
        last_week = self.levels.get(day + WEEK)
        if last_week is None:
            return usual
        # If there was less still, that was an outage of its own.
        return max(self._drawn(last_week, usual), usual * QUIETEST_DAY)

    def _drawn(self, level: float, prior: float) -> float:
        return (level * self.total + prior * PRIOR) / (self.total + PRIOR)

    def _day(self, hour: int) -> int:
        """How many days ago the middle of an hour lies, by the calendar."""
        if hour not in self._days:
            at = self.until - (hour + 0.5) * HOUR
            self._days[hour] = (self.until.date() - at.date()).days
        return self._days[hour]

    def _is_free(self, day: int) -> bool:
        return (self.until.weekday() - day) % WEEK >= SATURDAY

    def _steady(self, hour: int) -> float:
        """An hour's mean without what towers above its neighbours: the opening by three hours."""
        runs = [[self.means.get((hour + at) % DAY) for at in range(i - 2, i + 1)] for i in range(3)]
        return max(min(mean for mean in run if mean is not None) for run in runs)

    def _dispersions(self) -> dict[int, float]:
        """By hour of the day: how many events come with one, beyond what may be chance."""
        found = self._expected_in_gaps()
        crowding = self._crowding() if self.days > 1 else 1.0
        # A day that cannot be compared with another is looked at as a whole.
        reach = NEIGHBOURS if self.days > 1 else DAY
        dispersions = {}
        for hour in self.means:
            near = {(hour + step) % DAY for step in range(-reach, reach + 1)}
            gaps = [expected for near_hour in near for expected in found.get(near_hour, ())]
            mean = fmean(gaps) if gaps else 0
            dispersions[hour] = max(1.0, max(mean / IN_A_GAP, crowding) / DISPERSION_ALLOWANCE)
        return dispersions

    def _expected_in_gaps(self) -> dict[int, list[float]]:
        """By hour of the day: what was usual in the gap across the beginning of such an hour."""
        oldest = max(self.known)
        upto = {oldest + 1: 0.0}
        for hour in range(oldest, min(self.known) - 1, -1):
            upto[hour] = upto[hour + 1] + self._usual(hour)

        def usual_until(hour: int, second: int) -> float:
            return upto[hour + 1] + second / HOUR_S * self._usual(hour)

        found: dict[int, list[float]] = {}
        before, crossed = None, []
        for hour in range(oldest, min(self.known) - 1, -1):
            crossed.append(hour % DAY)
            if not self.known[hour]:
                continue
            if before is not None:
                expected = usual_until(hour, self.first_s[hour]) - before
                for beginning in crossed:
                    found.setdefault(beginning, []).append(expected)
            before, crossed = usual_until(hour, self.last_s[hour]), []
        return found

    def _crowding(self) -> float:
        """The dispersion by which as many hours would be empty as are."""
        empty = sum(not n for n in self.known.values())
        usual = [self._usual(hour) for hour in self.known]

        def has_fewer(dispersion: float) -> bool:
            return sum(math.exp(-rate / dispersion) for rate in usual) < empty

        low, high = 1.0, MOST_DISPERSION
        if not has_fewer(low):
            return low
        for _ in range(BISECTIONS):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if has_fewer(middle) else (low, middle)
        return low

    def _usual(self, hour: int) -> float:
        own = self.levels.get(self._day(hour))
        return self.means[hour % DAY] * (self._level(hour) if own is None else own)
