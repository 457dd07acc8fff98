"""Heads of the archive's chains, kept where its writer cannot quietly change them.

A deployment and a rollback write them into the database's ledger. Where rollout.toml names a git
ref, every record and sign-off moves it on to a commit that holds the chains themselves, and never
back: what was removed or rewritten in the archive since no longer begins with what the ref holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gonogo.application import code
from gonogo.config.admission import AnchorConfig
from gonogo.errors import CommandError, GonogoError
from gonogo.ledger.ledger import Ledger
from gonogo.ledger.rows import ArchiveHead
from gonogo.model.kinds import Environment
from gonogo.model.step import StepEvent, StepKind, Tell
from gonogo.postgres.dsn import DatabaseSettings, bounded
from gonogo.postgres.session import asking, connect, pinned, reach
from gonogo.record.canonical import CHAIN, Anchor, Head, heads
from gonogo.record.files import archive_lock
from gonogo.rollout.runner.context import RolloutContext

TRIES = 3
SHORTEST_TIMEOUT_S = 2  # libpq knows no shorter one
NAME = f"{{}}.{CHAIN}"
WHO = {
    "GIT_AUTHOR_NAME": "gonogo",
    "GIT_AUTHOR_EMAIL": "gonogo@localhost",
    "GIT_COMMITTER_NAME": "gonogo",
    "GIT_COMMITTER_EMAIL": "gonogo@localhost",
    "GIT_TERMINAL_PROMPT": "0",
}
NEVER = "0" * 40


def keep(context: RolloutContext, deployment_id: int, tell: Tell) -> None:
    """Write the archive's heads into ledger and git ref, once a rollout's record is closed.

    Args:
        context: The rollout's context.
        deployment_id: What was deployed or rolled back.
        tell: Shows what could not be written: the rollout stands all the same.
    """
    archive_dir, anchor = context.config.archive_dir, context.config.anchor
    try:
        with archive_lock(archive_dir):
            known = heads(archive_dir)
        # A database that has just answered does so at once; one that fell silent is not waited for.
        conninfo = bounded(context.database.conninfo, {"connect_timeout": SHORTEST_TIMEOUT_S})
        with connect(conninfo, "gonogo ledger") as connection:
            ledger = Ledger(connection)
            for one, head in known.items():
                ledger.record_head(ArchiveHead(deployment_id, one, head.lines, head.sha256))
        if anchor:
            publish(anchor, archive_dir, context.environ)
    except (GonogoError, OSError) as error:
        tell(StepEvent(StepKind.NOTE, "record", f"the archive's heads are not kept: {error}"))


def of_ledger(database: DatabaseSettings) -> tuple[Anchor, ...]:
    """The heads that a database's ledger holds.

    Raises:
        DatabaseError: It does not answer, or may not be read.
    """
    with (
        reach(database.conninfo, "gonogo archive") as connection,
        asking("the ledger cannot be read"),
        pinned(connection),
    ):
        known = Ledger(connection).archive_heads()
    return tuple(
        Anchor(
            f"deployment {one.deployment_id} in the ledger",
            one.environment,
            Head(one.lines, one.sha256),
        )
        for one in known
    )


def published(config: AnchorConfig, environ: Mapping[str, str]) -> tuple[Anchor, ...]:
    """The heads that the git ref holds.

    Args:
        config: Where it is.
        environ: The session's variables.

    Raises:
        CommandError: git does not answer, or there is no such ref.
    """
    tip = _tip(config, environ)
    if not tip:
        raise CommandError(
            f"there is no {_named(config)}, which rollout.toml names",
            "the next gate, sign-off, deployment or rollback makes it; who removed it?",
        )
    known = dict(code.files_at(config.repository, environ, tip, "."))
    return tuple(
        Anchor(_named(config), one, Head.of(known[NAME.format(one)]))
        for one in Environment
        if NAME.format(one) in known
    )


def publish(config: AnchorConfig, archive_dir: Path, environ: Mapping[str, str]) -> None:
    """Move the git ref on to the archive's chains as they are.

    Args:
        config: Where it is.
        archive_dir: The archive.
        environ: The session's variables.

    Raises:
        CommandError: The archive lacks what the ref holds, or git refuses.
    """
    with archive_lock(archive_dir):
        files = {NAME.format(one): archive_dir / one / CHAIN for one in Environment}
        chains = {name: file.read_bytes() for name, file in files.items() if file.is_file()}
    for left in reversed(range(TRIES)):
        try:
            _go_on(config, chains, environ)
        except CommandError:
            # Somebody else moved it meanwhile.
            if not left:
                raise
        else:
            return


def _go_on(config: AnchorConfig, chains: Mapping[str, bytes], environ: Mapping[str, str]) -> None:
    repository, seen = config.repository, {**environ, **WHO}
    tip = _tip(config, environ)
    held = dict(code.files_at(repository, environ, tip, ".")) if tip else {}
    for name, content in held.items():
        if not chains.get(name, b"").startswith(content):
            raise CommandError(
                f"the archive's {name.removesuffix(f'.{CHAIN}')} lacks what {_named(config)} "
                "holds: records or sign-offs were removed or rewritten",
                "put back the archive as it was",
            )
    if chains == held:
        return
    blobs = {
        name: code.git(repository, seen, "hash-object", "-w", "--stdin", given=content)
        for name, content in chains.items()
    }
    entries = "".join(f"100644 blob {_text(blob)}\t{name}\n" for name, blob in blobs.items())
    tree = _text(code.git(repository, seen, "mktree", given=entries.encode()))
    parent = ("-p", tip) if tip else ()
    words = ("commit-tree", tree, *parent, "-m", "The archive's chains")
    commit = _text(code.git(repository, seen, *words))
    if config.remote:
        code.git(repository, seen, "push", "--quiet", config.remote, f"{commit}:{config.ref}")
    else:
        code.git(repository, seen, "update-ref", config.ref, commit, tip or NEVER)


def _tip(config: AnchorConfig, environ: Mapping[str, str]) -> str:
    """The commit that the ref stands for, fetched where it is a remote's; empty without one."""
    repository, seen, remote = config.repository, {**environ, **WHO}, config.remote
    words = ("ls-remote", remote) if remote else ("show-ref",)
    # Both match what ends with the name, and the second fails where there is no ref at all.
    listed = code.git(repository, seen, *words, config.ref, or_nothing=not remote)
    lines = (line.split() for line in _text(listed).splitlines())
    tip = next((words[0] for words in lines if words[1:] == [config.ref]), "")
    if tip and remote:
        quietly = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
        code.git(repository, seen, *quietly, remote, config.ref)
    return tip


def _named(config: AnchorConfig) -> str:
    return f"{config.ref} of {config.remote or config.repository}"


def _text(answer: bytes) -> str:
    return answer.decode(errors="replace").strip()
