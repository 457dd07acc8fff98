"""Which entries of a dump's listing are left out of a restore."""

from __future__ import annotations

from gonogo.rollout.backup.privileged import left_out

# Of an extension and a cast, whose owner a dump does not keep, the line ends with a space.
LISTING = (
    ";",
    "; Archive created at 2026-11-28 08:00:00 UTC",
    "2; 3079 16384 EXTENSION - odd ext ",
    '3700; 0 0 COMMENT - EXTENSION "odd ext" ',
    "3; 3079 16390 EXTENSION - odd ",
    "3701; 0 0 COMMENT - EXTENSION odd ",
    "220; 1259 16400 TABLE public notes app",
    "3702; 0 16400 TABLE DATA public notes app",
    "230; 1417 16410 SERVER - store postgres",
    "3703; 0 0 ACL - FOREIGN SERVER store postgres",
    "3704; 0 0 USER MAPPING - USER MAPPING app SERVER store postgres",
    "3705; 0 0 USER MAPPING - USER MAPPING app SERVER other store postgres",
    "2426; 2605 16430 CAST - CAST (jsonb AS bytea) ",
    "2602; 0 0 COMMENT - CAST (jsonb AS bytea) ",
)


def found(*entries: tuple[int, int]) -> list[int]:
    """The numbers of the lines that are left out."""
    return [int(line.split(";")[0]) for line in left_out(LISTING, frozenset(entries))]


def test_an_extension_goes_with_its_comment_and_no_other() -> None:
    """A name that begins alike is another object."""
    assert found((3079, 16390)) == [3, 3701]
    assert found((3079, 16384)) == [2, 3700]


def test_a_server_goes_with_its_grants_and_user_mappings() -> None:
    """They have no oid of their own in the listing."""
    assert found((1417, 16410)) == [230, 3703, 3704]


def test_a_cast_goes_with_its_comment() -> None:
    """Its name stands in both lines alike."""
    assert found((2605, 16430)) == [2426, 2602]


def test_a_table_goes_with_its_rows() -> None:
    """Whose line names no catalog."""
    assert found((1259, 16400)) == [220, 3702]


def test_nothing_is_left_out_for_nothing() -> None:
    """A superuser restores every entry."""
    assert found() == []
