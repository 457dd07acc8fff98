"""The words that verdicts, records and sign-offs are made of.

No code reads a sentence: why things are as they are is a code here, with figures beside it, and
`report.english` makes the sentences.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

# What a health score is called: where each begins is the criteria file's to say.
Band: TypeAlias = Literal["Excellent", "Good", "Fair", "Poor"]


class Environment(StrEnum):
    """Where the application runs."""

    STAGING = "staging"
    PRODUCTION = "production"


class Role(StrEnum):
    """What a check asks of its metric."""

    CRITERION = "criterion"
    ALERT = "alert"
    TRIGGER = "trigger"
    PRESENCE = "presence"


class Level(StrEnum):
    """Which of a metric's limits one is."""

    OBJECTIVE = "objective"
    WARNING = "warning"
    CRITICAL = "critical"
    TRIGGER = "trigger"


class Outcome(StrEnum):
    """What a finding says. Only `MET` counts for GO; `WARNING` does not stand in its way."""

    MET = "met"
    WARNING = "warning"
    CRITICAL = "critical"
    FAILED = "failed"
    FIRED = "fired"
    INCONCLUSIVE = "inconclusive"
    LEFT_OUT = "left_out"


class OutageKind(StrEnum):
    """What is known of the time in which a rollout kept the application away."""

    MEASURED = "measured"
    NOT_STOPPED = "not-stopped"
    LASTS = "lasts"
    RESUMED = "resumed"
    UNSEEN = "unseen"


class VerdictKind(StrEnum):
    """The four verdicts, worst first."""

    ROLLBACK = "ROLLBACK"
    NO_GO = "NO-GO"
    HOLD = "HOLD"
    GO = "GO"


# Of ``pytest checks/``; 2 to 6 keep pytest's own meaning.
EXIT_CODES = {
    VerdictKind.ROLLBACK: 11,
    VerdictKind.NO_GO: 1,
    VerdictKind.HOLD: 10,
    VerdictKind.GO: 0,
}


class Decision(StrEnum):
    """What a person decides on a record."""

    GO = "go"
    NO_GO = "no-go"
    HOLD = "hold"
    ROLLBACK = "rollback"
    REVIEWED = "reviewed"


class Reason(StrEnum):
    """What led to a finding's outcome."""

    LEFT_OUT = "left-out"
    NO_DATA = "no-data"
    NONE = "none"
    NONE_OF_NONE = "none-of-none"
    MEETS = "meets"
    DEGRADED = "degraded"
    MISSES = "misses"
    PAST_LEVEL = "past-level"
    PART_PAST_LEVEL = "part-past-level"
    NEWEST_PAST_LEVEL = "newest-past-level"
    PAST_LEVEL_BUT_FEW = "past-level-but-few"
    FELL = "fell"
    FELL_PAST_LEVEL = "fell-past-level"
    NO_LEVEL_PASSED = "no-level-passed"
    NOT_BEYOND_DOUBT = "not-beyond-doubt"
    TOO_FEW = "too-few"
    TOO_FEW_FOR_BAND = "too-few-for-band"
    PART_TOO_FEW = "part-too-few"
    PARTS_UNKNOWN = "parts-unknown"
    NEWEST_UNKNOWN = "newest-unknown"
    NO_LIMIT = "no-limit"
    FIRES = "fires"
    DOES_NOT_FIRE = "does-not-fire"
    FLOWS = "flows"
    OVERDUE = "overdue"
    SILENT_TOO_LONG = "silent-too-long"
    NEVER_CAME = "never-came"
    NOT_COVERED = "not-covered"
    TRICKLES = "trickles"
    HELD_BACK = "held-back"


class Says(StrEnum):
    """What a `Remark` says of a measurement."""

    # Of a survey.
    NO_TABLE = "no-table"
    NO_RIGHT = "no-right"
    TIMED_OUT = "timed-out"
    LOCKED = "locked"
    CONNECTION_LOST = "connection-lost"
    QUERY_FAILED = "query-failed"
    NO_COLUMN = "no-column"
    BAD_VALUE = "bad-value"
    HOURS_MOVED = "hours-moved"
    READ_ONCE = "read-once"
    NO_VALUE = "no-value"
    NO_MOMENT = "no-moment"
    # Of the metric.
    EMPTY_WINDOW = "empty-window"
    DIVIDED_BY_NONE = "divided-by-none"
    NOTHING_MEASURED = "nothing-measured"
    NOT_ASKED = "not-asked"
    UNREACHABLE = "unreachable"
    LEFT_OUT = "left-out"
    LACKS = "lacks"
    TEAM = "team"
    # Of an endpoint.
    NO_ADDRESS = "no-address"
    NO_ENDPOINT = "no-endpoint"
    BAD_VARIABLE = "bad-variable"
    ANSWERED = "answered"
    SILENT = "silent"
    DOWN = "down"
    NOT_HEALTHY_EITHER = "not-healthy-either"
    NO_HTTP_ERROR = "no-http-error"
    # Of clocks.
    CLOCK_AHEAD = "clock-ahead"
    CLOCK_BEHIND = "clock-behind"
    WRITTEN_LATE = "written-late"
    BACKFILLED = "backfilled"
    ORDER_UNKNOWN = "order-unknown"
    ORDER_REUSED = "order-reused"
    ORDER_TOO_FEW = "order-too-few"
    # Of the commits between two revisions.
    NO_PREVIOUS = "no-previous"
    NO_REPOSITORY = "no-repository"
    GIT_FAILED = "git-failed"
    SHALLOW = "shallow"
    # Of a fleet's database.
    BEHIND = "behind"
    OTHER_REVISION = "other-revision"
    OTHER_ENVIRONMENT = "other-environment"
    OTHER_SCHEMA = "other-schema"
    DEPLOYED_MEANWHILE = "deployed-meanwhile"
    SERVER_CLOCK = "server-clock"


class Why(StrEnum):
    """What led to a verdict."""

    FINDING = "finding"
    ALL_MET = "all-met"
    NONE_MET = "none-met"
    NOT_ANSWERED = "not-answered"
    NOTHING_MEASURED = "nothing-measured"
    SOAK_BEGUN = "soak-begun"
    SOAK_INCOMPLETE = "soak-incomplete"
    ABORTED = "aborted"
    UNEXPLAINED = "unexplained"
    GROUP_LEFT_OUT = "group-left-out"
    NO_ANCHOR = "no-anchor"
    HOURS_MOVED = "hours-moved"
    # Of a fleet's database.
    MEMBER_PAST_LEVEL = "member-past-level"
    MEMBER_NOT_JUDGED = "member-not-judged"
    MEMBER_LACKS_EVENTS = "member-lacks-events"
    MEMBER_MISSES = "member-misses"
    # Of a final report.
    NEWEST_RECORD = "newest-record"
    WINDOW_TOO_SHORT = "window-too-short"
    MOMENT_MISSED = "moment-missed"
    EARLIER_VERDICT = "earlier-verdict"
    ANOTHER_DATABASE = "another-database"


class Kind(StrEnum):
    """What a record is of."""

    GATE = "gate"
    DEPLOYMENT = "deployment"
    ROLLBACK = "rollback"
    SMOKE = "smoke"
    SUMMARY = "summary"


class State(StrEnum):
    """How far the run came."""

    RUNNING = "running"
    COMPLETE = "complete"
    ABORTED = "aborted"


class MarkState(StrEnum):
    """Whether somebody looked at a moment of the soak."""

    PRESENT = "present"
    MISSING = "missing"
    DUE = "due"
    AHEAD = "ahead"


class ItemState(StrEnum):
    """Where an item of the checklist stands."""

    PROVED = "proved"
    ATTESTED = "attested"
    FAILED = "failed"
    OPEN = "open"
    NOT_DUE = "not due"
