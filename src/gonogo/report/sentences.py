"""Every word and sentence of a page, by its code: templates of sentences, and how a word looks.

A new code gets its line here. `report.english` and `report.page` fill in the figures, and have the
few sentences that read otherwise for a rate, a band or an answer. The marks distinguish the words
without their colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gonogo.model.kinds import Level, OutageKind, Outcome, Reason, Role, Says, Why

if TYPE_CHECKING:
    from gonogo.model.record import Record
    from gonogo.report.answers import Answer

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
    Says.NO_MOMENT: "the newest events bring no column {subject} that says when each was",
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
    Says.BEHIND: "{number} migrations of this rollout are not in its ledger, such as {subject}",
    Says.OTHER_REVISION: "{subject} is deployed there, and {detail} elsewhere in the fleet",
    Says.OTHER_ENVIRONMENT: "its ledger says that it is {subject}",
    Says.OTHER_SCHEMA: "no table {subject} (the anchor in rollout.toml) says which schema is "
    "measured",
    Says.DEPLOYED_MEANWHILE: "it was deployed to while the fleet was measured",
    Says.SERVER_CLOCK: "its server's clock differs by {minutes} from the fleet's",
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
WHYS: Mapping[Why, str] = {
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
    Why.MEMBER_NOT_JUDGED: "{member} was not judged: {remark}",
    Why.MEMBER_PAST_LEVEL: "{member} by itself: {subject}: {finding}",
    Why.MEMBER_LACKS_EVENTS: "{member} by itself: {subject}: {finding}",
    Why.MEMBER_MISSES: "{member} by itself: {subject}: {finding}",
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
# A person's words for a metric: what was counted, what must be, and what each level leads to.
COUNTED = "{share} of {n:,} {counts} {that}"
MUST = {
    ">": "more than {bound}",
    ">=": "at least {bound}",
    "<": "less than {bound}",
    "<=": "at most {bound}",
    "=": "{bound}",
    "..": "{bound}",
}
PAST = {
    ">": "above {bound}",
    ">=": "{bound} or more",
    "<": "below {bound}",
    "<=": "{bound} or less",
    "=": "{bound}",
    "..": "{bound}",
}
OBJECTIVES = {
    "counted": "{must} must",
    "shown": "must be {must}",
    "all": "all must",
    "none": "none may",
}
LEVELS: Mapping[Level, str] = {
    Level.WARNING: "a warning",
    Level.CRITICAL: "critical",
    Level.TRIGGER: "a rollback",
}
LEADS, ALSO, OPEN = "{past} is {what}", "also {titles}", "not settled: {titles}"
COVERED = "{tally}, over {covered} of {asked}"
DECIDABLE, SOAK_OVER = "Expected to be decidable by {at}: {what}.", "then the soak is over"
MORE_EVENTS = "that is about {more:,} more {counts} at the rate of the last hours"
STUCK = "Waiting alone does not decide it: {open} {things} data that does not come by itself."
ABOUT = {"deployment": "What was deployed", "rollback": "What was taken back"}
APPROVED, JUDGED = "What is approved", "What was judged"
UNKNOWN_CHANGE = "Nothing says what is deployed, or from which revision."
MORE = "{n:,} more"
FIRST_LOOK = "This is the first look, and no earlier deployment has a GO."
NOT_CLOSED = "This run is not closed: there is nothing to sign."
NOBODY_SIGNED = "Nobody had signed when this page was made; later signatures:"


@dataclass(frozen=True, slots=True)
class Look:
    """How a word looks: its mark, the name of its colour, and a sentence that explains it."""

    word: str
    symbol: str
    tone: str
    meaning: str = ""


VERDICTS = {
    "GO": Look("GO", "check", "good", "Every criterion is met with evidence."),
    "HOLD": Look("HOLD", "pause", "open", "Not proven yet. Something is open: try again later."),
    "NO-GO": Look("NO-GO", "cross", "bad", "A criterion fails or a critical alert fires."),
    "ROLLBACK": Look("ROLLBACK", "back", "worst", "A rollback trigger fires: roll back now."),
}
NOT_JUDGED = Look("Not judged", "question", "open")
OUTCOMES = {
    "fired": Look("Fires", "back", "worst"),
    "failed": Look("Failed", "cross", "bad"),
    "critical": Look("Critical", "cross", "bad"),
    "inconclusive": Look("Inconclusive", "question", "open"),
    "warning": Look("Warning", "bang", "warn"),
    "left_out": Look("Left out", "dash", "quiet"),
    "met": Look("Met", "check", "good"),
}
QUIET = Look("Quiet", "check", "good")
FLOWS = Look("Flows", "check", "good")
MARKS = {
    "present": Look("Looked at", "check", "good"),
    "missing": Look("Missing", "cross", "bad"),
    "due": Look("Due now", "question", "open"),
    "ahead": Look("Ahead", "dash", "quiet"),
}
EVENTS = {
    "deploying": Look("Deploying", "question", "open"),
    "deployed": Look("Deployed", "check", "good"),
    "deploy-failed": Look("Deploy failed", "cross", "bad"),
    "rolled-back": Look("Rolled back", "back", "worst"),
    "migration-failed": Look("Migration failed", "cross", "bad"),
    "incident": Look("Incident", "bang", "bad"),
    "complaint": Look("Complaint", "bang", "warn"),
    "closed": Look("Closed", "check", "quiet"),
}
BANDS = {"Excellent": "good", "Good": "fair", "Fair": "warn", "Poor": "bad"}
STEP_OUTCOMES = {
    "succeeded": Look("Done", "check", "good"),
    "failed": Look("Failed", "cross", "bad"),
    "skipped": Look("Skipped", "dash", "quiet"),
    "running": Look("Unfinished", "question", "open"),
}
ITEM_STATES = {
    "proved": Look("Proved", "check", "good"),
    "attested": Look("Attested", "check", "good"),
    "failed": Look("Failed", "cross", "bad"),
    "open": Look("Open", "question", "open"),
    "not due": Look("Not due", "dash", "quiet"),
}
RESULTS = {
    "deployment succeeded": Look("DEPLOYED", "check", "good", "No step failed."),
    "deployment failed": Look("DEPLOY FAILED", "cross", "bad", "A step failed."),
    "rollback succeeded": Look("ROLLED BACK", "check", "good", "No step failed."),
    "rollback failed": Look("ROLLBACK FAILED", "cross", "worst", "A step failed."),
    "smoke succeeded": Look("SMOKE PASSED", "check", "good", "Each request went through."),
    "smoke failed": Look("SMOKE FAILED", "cross", "bad", "Not each request went through."),
    "smoke not asked": Look("SMOKE NOT ASKED", "question", "open", "A request was not sent."),
}
ABORTED = Look("ABORTED", "dash", "open", "This run never finished, so it decides nothing.")


def headline(record: Record) -> Look:
    """The look of the word at the top of a record's page."""
    if record.verdict is not None:
        return VERDICTS[record.verdict.kind]
    return look(RESULTS, f"{record.kind} {record.outcome}") if record.outcome else ABORTED


def look(looks: Mapping[str, Look], key: str) -> Look:
    """The look of a word; an unknown word is shown as it is, in the tone of what is open."""
    return looks.get(key) or Look(key, "question", "open")


def outcome_look(answer: Answer) -> Look:
    """The look of an answer; an alert or trigger that is met is quiet, a stream flows."""
    if answer.outcome is Outcome.MET and answer.role is Role.PRESENCE:
        return FLOWS
    if answer.outcome is Outcome.MET and answer.role is not Role.CRITERION:
        return QUIET
    return OUTCOMES[answer.outcome]
