"""The wrapper that finds a Python and makes ``.venv``; a stub stands in for Python and for nox."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from gonogo.config.project import Project

ROOT = Project.find(Path(__file__).parent).root
NEEDED = ("sh", "dirname", "readlink", "cmp", "rm", "mkdir", "cp", "printf")
# Is new enough, makes a "venv" that holds itself, and prints what it is asked to run. It takes no
# lock: that needs a real Python.
GOOD = """#!/bin/sh
case "$1 $2" in
    "-c import fcntl"*) shift 3; exec "$@" ;;
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m nox") shift 2; printf '%s\\n' "$@" ;;
esac
"""
SHIM = "#!/bin/sh\necho 'not for this version' >&2\nexit 127\n"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout and a PATH of its own."""

    root: Path
    path: Path

    def program(self, name: str, text: str) -> Path:
        """Put a program on PATH."""
        file = self.path / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
        return file

    def noxw(
        self, *words: str, program: Path | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it; `program` is a symbolic link to it."""
        return subprocess.run(
            [str(program or self.root / "noxw"), *words],
            cwd=cwd,
            env={"PATH": str(self.path)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout in a directory with a blank in its name."""
    root, path = tmp_path / "a checkout", tmp_path / "bin"
    (root / "locks").mkdir(parents=True)
    path.mkdir()
    shutil.copy(ROOT / "noxw", root)
    (root / "locks" / "nox.txt").write_text("nox==1\n", encoding="utf-8")
    for name in NEEDED:
        if found := shutil.which(name):
            (path / name).symlink_to(found)
    return Checkout(root, path)


def test_a_session_may_be_named_with_hyphens(checkout: Checkout) -> None:
    """What follows the session's name stays as it is."""
    checkout.program("python3", GOOD)
    words = (
        "-s",
        "sign-off",
        "a-b-c",
        "-R",
        "-s",
        "final-report",
        "--",
        "-s",
        "--as-of",
        "a-b",
        "--",
    )
    ended = checkout.noxw(*words)
    said = ended.stdout.splitlines()[2:]
    assert said == ["-s", "sign_off", "a_b_c", "-R", "-s", "final_report", *words[6:]]


def test_without_a_new_enough_python_one_line_says_so(checkout: Checkout) -> None:
    """A machine with nothing but a failing shim gets the remedy and exit code 1."""
    checkout.program("python3", SHIM)
    ended = checkout.noxw("-l")
    assert ended.returncode == 1
    assert ended.stderr.startswith("noxw: no Python >= 3.11 with venv was found; install one")
    assert ended.stderr.count("\n") == 1


def test_a_shim_that_fails_is_passed_over(checkout: Checkout) -> None:
    """The first Python that really runs is used, whatever names come before it."""
    checkout.program("python3", SHIM)
    checkout.program("python3.12", GOOD)
    ended = checkout.noxw("-s", "tests", "--", "two words")
    assert (ended.returncode, ended.stderr) == (0, "noxw: making .venv with nox, this once\n")
    noxfile = str(checkout.root / "noxfile.py")
    assert ended.stdout.splitlines() == ["--noxfile", noxfile, "-s", "tests", "--", "two words"]


def test_the_second_call_makes_nothing(checkout: Checkout) -> None:
    """An environment that was made from today's lock is used as it is."""
    checkout.program("python3", GOOD)
    checkout.noxw()
    assert checkout.noxw().stderr == ""


def test_a_changed_lock_makes_it_anew(checkout: Checkout) -> None:
    """Another nox in the lock, another environment."""
    checkout.program("python3", GOOD)
    checkout.noxw()
    (checkout.root / "locks" / "nox.txt").write_text("nox==2\n", encoding="utf-8")
    assert "making .venv" in checkout.noxw().stderr


def test_an_interrupted_first_run_is_made_good(checkout: Checkout) -> None:
    """A half-made environment is known as such and made anew."""
    checkout.program("python3", GOOD.replace("esac", '    "-m pip") exit 1 ;;\nesac'))
    assert checkout.noxw().returncode == 1
    checkout.program("python3", GOOD)
    ended = checkout.noxw()
    assert (ended.returncode, ended.stderr) == (0, "noxw: making .venv with nox, this once\n")


def test_somebody_elses_venv_is_never_removed(checkout: Checkout) -> None:
    """A .venv that noxw did not make, without nox, is a question to its owner."""
    kept = checkout.root / ".venv" / "kept"
    kept.parent.mkdir()
    kept.touch()
    checkout.program("python3", GOOD)
    ended = checkout.noxw()
    assert ended.returncode == 1
    assert "was not made by noxw" in ended.stderr
    assert kept.exists()


def test_two_at_the_same_time_make_one_venv(checkout: Checkout) -> None:
    """The second waits under a real lock, and both run nox."""
    locking = GOOD.replace("shift 3; exec", f"exec '{sys.executable}'")
    slow = locking.replace("mkdir -p", "printf 'made\\n' >>made && mkdir -p")
    checkout.program("python3", slow)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda name: checkout.noxw(name, cwd=checkout.root), ("a", "b")))
    assert [ended.stdout.splitlines()[-1:] for ended in both] == [["a"], ["b"]]
    assert (checkout.root / "made").read_text(encoding="utf-8") == "made\n"


def test_it_can_be_called_from_anywhere_through_a_link(checkout: Checkout, tmp_path: Path) -> None:
    """A relative link in another directory leads to the checkout all the same."""
    checkout.program("python3", GOOD)
    link = tmp_path / "elsewhere" / "rollout"
    link.parent.mkdir()
    link.symlink_to(Path("..", "a checkout", "noxw"))
    ended = checkout.noxw(program=link, cwd=tmp_path / "elsewhere")
    assert str(checkout.root / "noxfile.py") in ended.stdout
