"""Objects of a database that the role could not create anew, and a restore without them.

An untrusted extension, an event trigger, a publication of all tables, a cast between types of
others: PostgreSQL keeps them to superusers, so pg_restore as another role stops at the first one.
Subscriptions are left out for everybody: a database that has one cannot be dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from gonogo.postgres.dsn import DatabaseSettings
from gonogo.postgres.session import Connection, asking
from gonogo.postgres.tools import Tools

QUERY = "privileged.sql"
# Before version 15 no publication was of whole schemas.
OF_SCHEMAS = """
        or exists (select from pg_publication_namespace as n where n.pnpubid = p.oid)"""
OF_SCHEMAS_SINCE = 150000
RELATIONS = 1259
# A user mapping has no oid in the listing either: it ends with the name of its server.
OF_SERVER = "COMMENT - "
WORDS = 4
# What pg_dump writes about an object in an entry of its own, which has no oid.
ABOUT = ("COMMENT", "ACL", "SECURITY LABEL")
# How those call the objects that are named otherwise in their own entry.
ALSO = {
    "PROCEDURAL LANGUAGE": ("LANGUAGE",),
    "VIEW": ("TABLE",),
    "FOREIGN TABLE": ("TABLE",),
    "SERVER": ("FOREIGN SERVER",),
}
DESCRIBED = (
    "EXTENSION",
    "EVENT TRIGGER",
    "PUBLICATION",
    "SUBSCRIPTION",
    "CAST",
    "PROCEDURAL LANGUAGE",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "SERVER",
    "VIEW",
    "FUNCTION",
    "PROCEDURE",
    "AGGREGATE",
)


@dataclass(frozen=True, slots=True)
class Privileged:
    """What a restore by this role leaves out.

    Args:
        entries: The objects, by the oid of their catalog and their own.
        named: What is left out, each as ``extension pg_stat_statements``.
        blocking: Objects that need one of those and cannot be left out, because rows depend on
            them: a restore by this role fails at them.
    """

    entries: frozenset[tuple[int, int]] = frozenset()
    named: tuple[str, ...] = ()
    blocking: tuple[str, ...] = ()


@asking("it cannot be read which objects are kept to superusers")
def privileged(connection: Connection) -> Privileged:
    """What a restore as the role of this connection leaves out.

    Args:
        connection: To the database that is backed up.
    """
    query = (files("gonogo.rollout") / "backup" / QUERY).read_text(encoding="utf-8")
    if connection.info.server_version < OF_SCHEMAS_SINCE:
        query = query.replace(OF_SCHEMAS, "")
    rows = connection.execute(query.encode()).fetchall()
    return Privileged(
        frozenset((int(catalog), int(oid)) for catalog, oid, *_ in rows),
        tuple(str(name) for *_, name, role in rows if role == "left out"),
        tuple(str(name) for *_, name, role in rows if role == "blocking"),
    )


def restore(  # noqa: PLR0913 - the tool's own arguments, by keyword
    tools: Tools,
    dump: Path,
    into: DatabaseSettings,
    without: Privileged,
    words: Sequence[str],
    *,
    on_tick: Callable[[], None] = lambda: None,
    on_line: Callable[[str], None] = lambda _: None,
) -> None:
    """Restore a dump into a database, without what the role could not create.

    Args:
        tools: The client tools of its version.
        dump: In pg_dump's custom format.
        into: The database.
        without: What is left out.
        words: Further arguments of pg_restore.
        on_tick: Called often while it runs.
        on_line: Called with each line that it says.

    Raises:
        BackupError: It failed.
    """
    with TemporaryDirectory(prefix="gonogo-restore-") as directory:
        if without.entries:
            kept, _ = _parted(tools, dump, without, Path(directory))
            words = [*words, f"--use-list={kept}"]
        arguments = ["--exit-on-error", *words, str(dump)]
        tools.run("pg_restore", arguments, into, on_tick=on_tick, on_line=on_line)


def left_out_sql(tools: Tools, dump: Path, without: Privileged) -> str:
    """The statements of a dump that a restore leaves out.

    Args:
        tools: The client tools of its version.
        dump: In pg_dump's custom format.
        without: What is left out.

    Raises:
        BackupError: The dump cannot be read.
    """
    if not without.entries:
        return ""
    with TemporaryDirectory(prefix="gonogo-restore-") as directory:
        _, left = _parted(tools, dump, without, Path(directory))
        if not left.read_text(encoding="utf-8"):
            return ""
        written = Path(directory) / "left.sql"
        tools.run("pg_restore", [f"--use-list={left}", f"--file={written}", str(dump)])
        return written.read_text(encoding="utf-8", errors="surrogateescape")


def _parted(tools: Tools, dump: Path, without: Privileged, directory: Path) -> tuple[Path, Path]:
    """Two lists of a dump's entries: those that are restored, and those that are left out."""
    listing = directory / "listing"
    tools.run("pg_restore", ["--list", f"--file={listing}", str(dump)])
    lines = listing.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    left = frozenset(left_out(lines, without.entries))
    paths = directory / "kept", directory / "left"
    for path, wanted in zip(paths, (False, True), strict=True):
        text = "".join(f"{line}\n" for line in lines if line and (line in left) is wanted)
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return paths


def left_out(lines: Sequence[str], entries: frozenset[tuple[int, int]]) -> Iterator[str]:
    """The lines of a dump's listing that are entries of objects, or about them.

    Args:
        lines: As ``pg_restore --list`` writes them: number, catalog, oid, kind, schema, name,
            owner.
        entries: The objects.
    """
    about: set[str] = set()
    listed = [line.split(" ", WORDS - 1) for line in lines if not line.startswith(";")]
    whole = [words for words in listed if len(words) == WORDS]
    for words in whole:
        # The rows of a table are listed without a catalog.
        if (int(words[1]) or RELATIONS, int(words[2])) in entries:
            about.update(_about(words[-1]))
            yield " ".join(words)
    servers = tuple(
        f" {one.removeprefix(OF_SERVER)}" for one in about if one.startswith(f"{OF_SERVER}SERVER ")
    )
    for words in whole:
        entry = words[-1].replace('"', "")
        mapping = entry.startswith("USER MAPPING ") and entry.endswith(servers)
        if entry in about or mapping:
            yield " ".join(words)


def _about(entry: str) -> Iterator[str]:
    """How entries about an object begin where its own is this."""
    for kind in DESCRIBED:
        if entry.startswith(f"{kind} "):
            schema, _, rest = entry.removeprefix(f"{kind} ").partition(" ")
            for one in ABOUT:
                for called in (kind, *ALSO.get(kind, ())):
                    name = rest if kind == "CAST" else f"{called} {rest}"
                    yield f"{one} {schema} {name}".replace('"', "")
            return
