"""Where backups are kept."""

from __future__ import annotations

from pathlib import Path

from gonogo.rollout.backup.backup import place_problem


def test_a_backup_wants_a_directory_with_room(tmp_path: Path) -> None:
    """One that is yet to be made will do; a file, or too little room, will not."""
    assert place_problem(tmp_path / "a" / "b", 1) == ""
    assert "MB free, a backup may take" in place_problem(tmp_path / "a", 1 << 60)
    (tmp_path / "file").touch()
    assert "is not a directory" in place_problem(tmp_path / "file" / "backups", 1)
