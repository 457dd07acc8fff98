"""The templates of every sentence about a remark, a finding and a verdict, by their codes.

A new code gets its line here. `report.english` fills in the figures, and has the few sentences that
read otherwise for a rate, a band or an answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from gonogo.model.kinds import OutageKind, Outcome, Reason, Says, Why

REMARKS: Mapping[Says, str] = {
    Says.NO_TABLE: "{subject}.sql: {detail}: a table is missing",
    Says.NO_RIGHT: "{subject}.sql: the role has no right to read it: {detail}",
    Says.TIMED_OUT: "{subject}.sql: the query took longer than {number} s",
    Says.LOCKED: "{subject}.sql: a lock was not granted in time",
    Says.CONNECTION_LOST: "the connection to the database was lost",
    Says.QUERY_FAILED: "{subject}.sql: {detail}",
    Says.NO_COLUMN: "{subject}.sql brings no column {detail}",
    Says.BAD_VALUE: "{subject}.sql: {detail}",
    Says.HOURS_MOVED: "{subject}.sql: closed hours that differ between two reads: {number}; no "
    "snapshot spans the workers of a cluster",
    Says.READ_ONCE: "{subject}.sql could not be read a second time: {detail}",
    Says.NO_VALUE: "no row has a value of {subject}",
    Says.EMPTY_WINDOW: "the window is empty: nothing has happened yet",
    Says.DIVIDED_BY_NONE: "{subject} is 0",
    Says.NOTHING_MEASURED: "neither a count nor a value was measured",
    Says.NOT_ASKED: "it was not measured",
    Says.UNREACHABLE: "{detail}",
    Says.LEFT_OUT: "left out on purpose: --without={subject}",
    Says.LACKS: "missing: {subject}",
    Says.TEAM: "{detail}",
    Says.NO_ADDRESS: "{subject} is not set, so nothing could be asked",
    Says.NO_ENDPOINT: "rollout.toml has no endpoint that feeds it",
    Says.BAD_VARIABLE: "{subject} {detail}",
    Says.ANSWERED: "{subject}: {detail}",
    Says.SILENT: "{subject}: {detail}, and no endpoint answered: the address may be wrong, "
    "or the way there closed",
    Says.DOWN: "{subject}: {detail}; this address answered after the deployment: the application "
    "is down",
    Says.NOT_HEALTHY_EITHER: "the health endpoint does not answer as it must either",
    Says.NO_HTTP_ERROR: "{subject}: {detail}, which is no HTTP error",
    Says.CLOCK_AHEAD: "the clock that runs this is {minutes} ahead of the server's",
    Says.CLOCK_BEHIND: "the clock that runs this is {minutes} behind the server's",
    Says.WRITTEN_LATE: "{number} transactions wrote such rows to {subject}",
    Says.BACKFILLED: "{number} older rows were written in bulk, or with delays of all lengths: "
    "a backfill",
    Says.ORDER_UNKNOWN: "{subject} is not one plain table: "
    "the order in which its rows were written is not known",
    Says.ORDER_REUSED: "vacuum has made room in {subject}: "
    "the order in which its rows were written is not known",
    Says.ORDER_TOO_FEW: "the order of writing is known of {number} transactions only: "
    "too few to judge clocks by",
    Says.NO_PREVIOUS: "which revision ran before is not recorded",
    Says.NO_REPOSITORY: "rollout.toml names no git repository of the application",
    Says.GIT_FAILED: "{detail}",
    Says.SHALLOW: "the clone is shallow, so git may not have every commit",
}
WORST = "one {by} ({name}) accounts for {k:,} of {n:,} failures{without}"
WITHOUT = "; without that {by} {share}"
REASONS: Mapping[Reason, str] = {
    Reason.LEFT_OUT: "{remark}",
    Reason.NO_DATA: "no data: {remark}",
    Reason.NONE: "0 of 0: none",
    Reason.NONE_OF_NONE: "no data: 0 of 0, and there must be some",
    Reason.DEGRADED: "{shown}, but {remark}",
    Reason.PART_PAST_LEVEL: "{part} alone: {shown} is past {level} {limit}",
    Reason.NEWEST_PAST_LEVEL: "the last {n} events{of_part}: {shown}, past {level} {limit}",
    Reason.FELL: "{alone}{fell} since {since}: {before} before, {share} of {n} since",
    Reason.FELL_PAST_LEVEL: "{alone}{fell} since {since}: {before} before, {share} of {n} since, "
    "past {level} {limit}",
    Reason.NO_LEVEL_PASSED: "{shown}: no alert{because}",
    Reason.NOT_BEYOND_DOUBT: "{shown}: misses {limit}, but not beyond doubt{more}",
    Reason.TOO_FEW: "{shown}: too few events to exclude {limit}{more}",
    Reason.TOO_FEW_FOR_BAND: "{shown}: too few events: {needed} are needed{more}",
    Reason.PART_TOO_FEW: "{part} alone: {shown}, too few events to exclude {limit}{more}",
    Reason.PARTS_UNKNOWN: "no data on which parts there are: {remark}",
    Reason.NEWEST_UNKNOWN: "no data on the newest events: {remark}",
    Reason.NO_LIMIT: "no limit is set",
    Reason.FIRES: "{shown} fires at {limit}{because}",
    Reason.DOES_NOT_FIRE: "{shown} does not fire at {limit}",
    Reason.HELD_BACK: "{shown} would fire at {limit}, but {remark}",
    Reason.FLOWS: "the newest event{of_part} is of {since}; usually {usual} an hour at this time",
    Reason.OVERDUE: "none{of_part} since {since}: usually {usual} an hour at this time, "
    "so {overdue} are overdue",
    Reason.TRICKLES: "hardly any{of_part} since {since}: usually {usual} more an hour at this "
    "time, so {overdue} are overdue",
    Reason.SILENT_TOO_LONG: "none{of_part} since {since}, for {silent}: past {level} {limit}",
    Reason.NOT_COVERED: "none{of_part} from {since} on for {silent}, where usually {usual} an hour "
    "come: so much of the window is not covered",
    Reason.NEVER_CAME: "no data{of_part}: none came, in the window or on the days before it",
}
# Of a metric that is answered by yes or no.
ANSWERS: Mapping[Reason, str] = {
    Reason.MEETS: "{shown}, as it must be{because}",
    Reason.MISSES: "{shown}, and must be {limit}{because}",
    Reason.PAST_LEVEL: "the answer is {shown}: {level}",
}
VERDICTS: Mapping[Why, str] = {
    Why.NONE_MET: "no check was met",
    Why.NOT_ANSWERED: "{k} of {n} checks gave no answer",
    Why.NOTHING_MEASURED: "nothing could be measured",
    Why.SOAK_BEGUN: "the soak has just begun: nothing of {asked} is covered",
    Why.SOAK_INCOMPLETE: "the soak is not complete: {covered} of {asked} covered",
    Why.ABORTED: "the run was aborted",
    Why.UNEXPLAINED: "{subject} failed, and no finding says why",
    Why.GROUP_LEFT_OUT: "{subject} was left out on purpose",
    Why.NO_ANCHOR: "no table {subject} (the anchor in rollout.toml) says which schema is measured",
    Why.HOURS_MOVED: "closed hours of {subject}.sql are not known to be the same in two reads",
    Why.NEWEST_RECORD: "{subject} says {verdict}",
    Why.WINDOW_TOO_SHORT: "the newest record judges {covered} only: monitor the whole {asked} "
    "once more, then sum up again",
    Why.MOMENT_MISSED: "there is no record of {subject}",
    Why.EARLIER_VERDICT: "{subject} was {verdict}, as of {at}",
    Why.ANOTHER_DATABASE: "{k} of {n} records of gates since {at} are of another database, "
    "and count for nothing here",
}
OUTAGES: Mapping[OutageKind, str] = {
    OutageKind.MEASURED: "{length}, from the first refused to the first answered request",
    OutageKind.NOT_STOPPED: "none: the application was not stopped",
    OutageKind.LASTS: "it lasts: the application did not answer at the end",
    OutageKind.RESUMED: "not measured: the run was resumed after the stop",
    OutageKind.UNSEEN: "not measured: the application did not answer, or was not asked, before "
    "the stop",
}
TALLY: Mapping[Outcome, str] = {
    Outcome.MET: "checks met with evidence",
    Outcome.WARNING: "with a warning",
    Outcome.LEFT_OUT: "left out",
}
