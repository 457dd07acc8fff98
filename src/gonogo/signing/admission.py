"""What may be signed: which record, which decision, which items of the checklist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gonogo.errors import SigningError, UsageError
from gonogo.model.kinds import Decision, Environment, ItemState, Outcome, State, VerdictKind
from gonogo.model.record import Record
from gonogo.report.text import cut, span, visible
from gonogo.report.timeline import window_short
from gonogo.screen import command
from gonogo.signing import ssh
from gonogo.signing.integrity import Closed, open_closed
from gonogo.signing.signoffs import MOST_CHARACTERS, Checked, check_signoffs

# States and endpoints are asked now: they cannot be wound back further than this.
STALE_S = 900


@dataclass(frozen=True, slots=True)
class Request:
    """What a person wants to sign.

    Args:
        directory: The record.
        decision: What they decide.
        by: Who they are: a principal of `allowed_signers`.
        allowed_signers: Who may sign.
        environ: The session's variables; they name the agent.
        target: Where "go" is meant for.
        attest: Ids of checklist items that they tick.
        override: Why they decide against the verdict.
        key: What signs: a file, or a public key as text; None finds one.
    """

    directory: Path
    decision: Decision
    by: str
    allowed_signers: Path
    environ: Mapping[str, str]
    target: Environment = Environment.PRODUCTION
    attest: Sequence[str] = ()
    override: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """A record that may be signed.

    Args:
        closed: As it lies there.
        record: What it says.
        signoffs: Those that it has.
    """

    closed: Closed
    record: Record
    signoffs: tuple[Checked, ...]


def examine(directory: Path, allowed_signers: Path) -> Examined:
    """See that a record may be signed, and which sign-offs it has.

    Args:
        directory: The record.
        allowed_signers: Who may sign.

    Raises:
        UsageError: There is no record.
        SigningError: It goes on, was aborted, was changed, or an earlier sign-off is broken.
    """
    ssh.require_program()
    ssh.require_signers(allowed_signers)
    closed = open_closed(directory)
    if closed.record and closed.record.state is State.ABORTED:
        raise SigningError(f"the run of {closed.name} was aborted, so it decides nothing")
    checked = check_signoffs(closed, allowed_signers)
    problems = [*closed.problems, *(one for check in checked for one in check.problems)]
    if problems or closed.record is None:
        raise SigningError(
            f"{closed.name} is not as it was: {'; '.join(problems)}",
            f"it is not signed; {command('verify_record')} shows all that is wrong",
        )
    return Examined(closed, closed.record, checked)


def require_allowed(record: Record, request: Request) -> None:
    """See that the record allows the decision, or that a reason overrides it.

    Args:
        record: The record.
        request: What is asked.

    Raises:
        SigningError: It does not.
        UsageError: The reason is empty, or "go" is meant for where this record says nothing of.
    """
    if request.override is not None and not request.override.strip():
        raise UsageError("--override needs a reason")
    for option, text in (("--by", request.by), ("--override", request.override or "-")):
        if not text.strip() or len(text) > MOST_CHARACTERS or visible(text) != text:
            raise UsageError(
                f"{option} {cut(text, 40)!r} is refused", "write one line of plain text"
            )
    if request.decision is not Decision.GO:
        return
    production = Environment.PRODUCTION
    if record.environment is production and request.target is not production:
        raise UsageError("a record of production says nothing of staging")
    if request.target is production and (never := tuple(never_for_production(record))):
        raise SigningError(
            f'it cannot be signed "go" for production: {"; ".join(never)}',
            "run the gate anew, on the database itself, with everything asked",
        )
    reasons = tuple(against(record, request.decision))
    if reasons and request.override is None:
        problem = f'it cannot be signed "go": {"; ".join(reasons)}'
        raise SigningError(problem, 'sign it with --override "reason", which is recorded')


def attestable(record: Record, state: ItemState | None = None) -> dict[str, str]:
    """The items that a person may tick on a record: text by id.

    Args:
        record: The record.
        state: Only those that it says are in this state; None takes all.
    """
    return {
        item.id: item.text
        for phase in record.checklist
        for item in phase.items
        if item.how == "attested" and state in {None, item.state}
    }


def against(record: Record, decision: Decision) -> Iterator[str]:
    """Why a decision goes against what the record says; a reason given for it overrides. Pure.

    Args:
        record: The record.
        decision: What is decided.
    """
    if decision is not Decision.GO:
        return
    if record.verdict is None:
        yield f"a {record.kind} record brings no verdict"
        return
    if record.verdict.kind is not VerdictKind.GO:
        yield f"the verdict is {record.verdict.kind}, not GO"
    if short := window_short(record):
        yield short


def never_for_production(record: Record) -> Iterator[str]:
    """Why a record can never be signed "go" for production, whatever the reason. Pure.

    Args:
        record: The record.
    """
    if record.simulated:
        yield "it is simulated: a rehearsal in a sandbox"
    age_s = int(record.as_of_age.total_seconds())
    if age_s > STALE_S:
        yield (
            f"its as-of lay {span(age_s)} back when it was made (at most {span(STALE_S)}): "
            "states and endpoints cannot be wound back"
        )
    if left := _left_out(record):
        yield f"{', '.join(left)} was left out on purpose"


def _left_out(record: Record) -> Sequence[str]:
    """The groups that were not asked, as the record says, or else by its findings."""
    left = [found for found in record.findings if found.outcome is Outcome.LEFT_OUT]
    return record.without or sorted({record.metrics[found.metric].group for found in left})


def other_members(record: Record | None, named: Iterable[str]) -> Iterator[str]:
    """Why a record is of other databases than a fleet's, or than one alone. Pure.

    Args:
        record: The record; None where it cannot be read.
        named: The fleet's databases in rollout.toml; none where it is one database.
    """
    known = record and record.provenance
    judged = sorted(one.name for one in known.members) if known else []
    if judged != sorted(named):
        there, here = (", ".join(sorted(names)) or "one database" for names in (judged, named))
        yield f"it judged {there}, and rollout.toml names {here}"
