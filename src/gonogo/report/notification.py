"""Who is told of a closed record, by Apprise: imported only where rollout.toml names somebody.

What is sent is short: the verdict or how a deployment ended, why, and where to read on. A message
that cannot be delivered is said so on the terminal, and changes nothing else.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from gonogo.config.sections import Event, NotificationConfig
from gonogo.masking import Mask
from gonogo.model.kinds import Kind, VerdictKind
from gonogo.model.record import Record
from gonogo.record.listing import ArchivedRecord, list_records
from gonogo.report.answers import reasons
from gonogo.report.text import cut, visible
from gonogo.report.timeline import LENGTHS

TITLES: Mapping[Event, str] = {
    "verdict_changed": "the verdict changed",
    "no_go": "NO-GO",
    "rollback": "roll back",
    "deployment_failed": "the deployment failed",
    "soak_finished": "the soak is finished",
    "sign_off_wanted": "a sign-off is wanted",
}
MOST_REASONS = 3
# All of a message, whoever receives it.
MOST_CHARACTERS = 300
# However slowly somebody's server answers.
PATIENCE_S = 15.0


def notify(
    record: Record, directory: Path, to: Sequence[NotificationConfig], environ: Mapping[str, str]
) -> Iterator[str]:
    """Tell everybody who asked for it; what could not be delivered, a line each.

    Args:
        record: A closed record.
        directory: Where it lies in the archive.
        to: Who is told of what.
        environ: Holds the addresses.
    """
    happened = tuple(_events(record, _looks_before(record, directory)))
    for one in to:
        wanted = [event for event in happened if event in one.events]
        if not wanted:
            continue
        title, body = _message(record, directory, wanted, one.archive_url)
        mask = Mask.of(environ)
        problem = _send(environ.get(one.url_env, ""), visible(mask(title)), mask(body))
        if problem:
            yield f"nobody was notified by {one.url_env}: {problem}"


def _looks_before(record: Record, directory: Path) -> tuple[ArchivedRecord, ...]:
    """The earlier gates of this environment and database, the newest first."""
    with suppress(OSError):
        every = list_records(directory.parent.parent, quick=True)
        here = [one for one in every if one.environment == record.environment]
        mine = next((one for one in here if one.directory == directory), None)
        if mine is not None:
            return tuple(
                one
                for one in here
                if one.is_look and one.order < mine.order and one.database == mine.database
            )
    return ()


def _events(record: Record, before: Sequence[ArchivedRecord]) -> Iterator[Event]:
    """What a record is news of."""
    if record.kind is Kind.DEPLOYMENT and (record.outcome == "failed" or not record.is_whole):
        yield "deployment_failed"
    if record.verdict is None or record.window is None or not record.is_whole:
        return
    kind, window = record.verdict.kind, record.window
    last = before[0] if before else None
    same_soak = [one for one in before if one.deployed_at == window.deployed_at]
    if record.kind is Kind.SUMMARY:
        yield "sign_off_wanted"
        return
    if last and last.verdict is not kind:
        yield "verdict_changed"
    if kind is VerdictKind.NO_GO:
        yield "no_go"
    if kind is VerdictKind.ROLLBACK:
        yield "rollback"
    if window.deployed_at:
        due = window.deployed_at + LENGTHS[record.environment]
        if window.end >= due and not any(one.as_of and one.as_of >= due for one in same_soak):
            yield "soak_finished"
    if kind is VerdictKind.GO and not (same_soak and same_soak[0].verdict is kind):
        yield "sign_off_wanted"


def _message(
    record: Record, directory: Path, events: Sequence[Event], archive_url: str | None
) -> tuple[str, str]:
    """Title and text; texts of a database or an application stay harmless and on their line."""
    label = directory.name.rpartition("_")[2]
    title = f"{label}: {record.title}{' (simulated)' if record.simulated else ''}"
    failed = [f"{one.title}: {one.error}" for one in record.steps if one.error]
    why = (*reasons(record, named=True), *failed, *filter(None, [record.ended_by]))
    lines = ["; ".join(dict.fromkeys(TITLES[event] for event in events)), *why[:MOST_REASONS]]
    if len(why) > MOST_REASONS:
        lines.append(f"and {len(why) - MOST_REASONS} more, in the record")
    page = Path(record.environment, directory.name, "record.html")
    there = f"{archive_url.rstrip('/')}/{quote(str(page))}" if archive_url else None
    lines += filter(None, [there or str(directory / page.name), record.ci_run])
    return cut(title, MOST_CHARACTERS), "\n".join(cut(line, MOST_CHARACTERS) for line in lines)


def _send(address: str, title: str, body: str) -> str | None:
    """Deliver a message; why it was not, without the address."""
    if not address.strip():
        return "the variable is not set"
    if importlib.util.find_spec("apprise") is None:
        return "Apprise is not installed; install gonogo[notify]"
    outcome: list[str | None] = []
    sender = threading.Thread(
        target=lambda: outcome.append(_delivered(address, title, body)), daemon=True
    )
    sender.start()
    sender.join(PATIENCE_S)
    return outcome[0] if outcome else f"no answer within {PATIENCE_S:g} s"


def _delivered(address: str, title: str, body: str) -> str | None:
    # What it logs names the address.
    logging.getLogger("apprise").disabled = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import apprise  # noqa: PLC0415  # the better part of a second

            sender = apprise.Apprise()
            if not sender.add(address):
                return "its value is no address that Apprise knows"
            sent = sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
        # Whatever an add-on of Apprise raises: the verdict stands.
        except Exception as error:  # noqa: BLE001
            return f"Apprise failed with {type(error).__name__}"
    return None if sent else "the receiver did not accept it"
