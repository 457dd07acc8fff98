"""PostgreSQL runs as somebody else than root, who gets to where it must and nowhere else."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gonogo.errors import SandboxError
from gonogo.sandbox.privileges import Account, account_for, command, nobody, private_directory
from gonogo.sandbox.unprivileged import REFUSED

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its user")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
with_setpriv = pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
SOMEBODY = nobody()
NAMELESS = 54321


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory below ones that everybody may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def work_dir(open_dir: Path) -> Path:
    """A directory of somebody's, in reach."""
    private_directory(open_dir / "work", SOMEBODY)
    return open_dir / "work"


def status_of(argv: list[str], *before: str) -> dict[str, str]:
    """Run `argv`, which shows its own status, and parse that."""
    shown = subprocess.check_output([*before, *argv], text=True)
    return {name: value.strip() for name, _, value in (x.partition(":") for x in shown.split("\n"))}


def cat_status(directory: Path) -> list[str]:
    """The command that shows the status of a program run as somebody."""
    argv = ["/bin/cat", "/proc/self/status"]
    return command(argv, SOMEBODY, directory, parent_death=None)


def test_an_ordinary_user_stays_who_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes for a user who is not root."""
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY.uid)
    assert account_for(tmp_path) is None


def test_a_user_without_a_name_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that was started with a number for a user."""
    monkeypatch.setattr(os, "geteuid", lambda: NAMELESS)
    with pytest.raises(SandboxError, match=f"user {NAMELESS} has no entry.*; run this as"):
        account_for(tmp_path)


@as_root
def test_root_gives_way_to_the_owner_of_the_nearest_directory(open_dir: Path) -> None:
    """A user's checkout keeps files of that user only, though root runs the sandbox."""
    home = open_dir / "home"
    home.mkdir()
    owner = pwd.getpwall()[1]
    os.chown(home, owner.pw_uid, 4321)
    (home / "checkout").mkdir()
    assert account_for(home / "checkout" / "not" / "there") == Account(owner.pw_uid, 4321)


@as_root
def test_root_gives_way_to_nobody_where_the_owner_has_no_name(open_dir: Path) -> None:
    """As in a container that has another machine's checkout mounted."""
    os.chown(open_dir, NAMELESS, NAMELESS)
    assert account_for(open_dir) == nobody()


@as_root
def test_root_gives_way_to_nobody_where_all_is_its_own(open_dir: Path) -> None:
    """Without another owner it is the user who owns nothing."""
    assert account_for(open_dir) == nobody()


@as_root
@on_linux
def test_a_program_in_reach_has_no_capability_at_all(work_dir: Path) -> None:
    """What root was permitted is gone when nothing of it is needed."""
    status = status_of(cat_status(work_dir))
    assert status["Uid"].split() == [str(SOMEBODY.uid)] * 4
    assert status["Gid"].split() == [str(SOMEBODY.gid)] * 4
    assert status["Groups"] == ""
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Amb")} == {0}


@as_root
@on_linux
def test_below_a_directory_of_roots_alone_only_reading_and_searching_is_kept(
    open_dir: Path, work_dir: Path
) -> None:
    """The one capability that leads through, and no mode is changed."""
    open_dir.chmod(0o700)
    status = status_of(cat_status(work_dir))
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Amb")} == {1 << 2}
    assert open_dir.stat().st_mode & 0o777 == 0o700


@as_root
@on_linux
@with_setpriv
def test_a_container_that_leaves_only_dac_override_is_enough(
    open_dir: Path, work_dir: Path
) -> None:
    """Docker's default set lacks the lesser capability."""
    open_dir.chmod(0o700)
    status = status_of(cat_status(work_dir), "setpriv", "--bounding-set", "-dac_read_search")
    assert int(status["CapEff"], 16) == 1 << 1


@as_root
@with_setpriv
def test_without_any_such_capability_the_refusal_is_one_line_with_a_remedy(
    open_dir: Path, work_dir: Path
) -> None:
    """Nothing is forced open: the message says what to do."""
    open_dir.chmod(0o700)
    confined = ["setpriv", "--bounding-set", "-dac_read_search,-dac_override"]
    refused = subprocess.run(
        [*confined, *cat_status(work_dir)], capture_output=True, text=True, check=False
    )
    assert refused.returncode == REFUSED
    assert refused.stderr.count("\n") == 1
    assert f"cannot get to {work_dir}" in refused.stderr
    assert "; run this as an ordinary user" in refused.stderr


@as_root
@with_setpriv
def test_a_root_that_may_not_change_its_user_is_told_so(work_dir: Path) -> None:
    """As in a container that maps one user only."""
    confined = ["setpriv", "--bounding-set", "-setuid,-setgid"]
    refused = subprocess.run(
        [*confined, *cat_status(work_dir)], capture_output=True, text=True, check=False
    )
    assert refused.returncode == REFUSED
    assert refused.stderr.startswith("PostgreSQL refuses to run as root, and becoming user")


@on_linux
def test_the_wish_to_die_with_the_parent_survives_the_change_of_user(open_dir: Path) -> None:
    """The kernel forgets it at a change of user, so it is made known after that."""
    account = SOMEBODY if os.geteuid() == 0 else None
    private_directory(open_dir / "work", account)
    ask = (
        "import ctypes; n = ctypes.c_int();"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(n)); print(n.value)"
    )
    argv = [str(Path(sys.executable).resolve()), "-I", "-S", "-c", ask]
    asked = command(argv, account, open_dir / "work", parent_death=signal.SIGINT)
    assert subprocess.check_output(asked, text=True) == f"{signal.SIGINT.value}\n"


@on_linux
def test_a_program_whose_parent_is_gone_does_not_begin(tmp_path: Path) -> None:
    """The parent that died before the wish was made known is noticed."""
    argv = command(["/bin/true"], None, tmp_path, parent_death=signal.SIGINT)
    lifeline = f"{os.getpid()}:{signal.SIGINT.value}"
    argv[argv.index(lifeline)] = f"{os.getppid()}:{signal.SIGINT.value}"
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == REFUSED
    assert "start it again" in ended.stderr


def test_a_program_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    """One line, no traceback."""
    argv = command([str(tmp_path / "gone")], None, tmp_path, parent_death=None)
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == REFUSED
    assert ended.stderr.count("\n") == 1


def test_a_directory_that_cannot_be_made_private_is_said_plainly(tmp_path: Path) -> None:
    """A file in its place is a sandbox error."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(SandboxError, match="taken cannot be made ours"):
        private_directory(tmp_path / "taken", None)
