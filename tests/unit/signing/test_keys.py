"""Which key signs: the one that is named, else git's, else the first at hand that may sign."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from gonogo.errors import SigningError, UsageError
from gonogo.signing import ssh as keys
from gonogo.signing.sign import chosen_key

ADAS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH6F09uoCHYYVos10WCO8GLLbRDBoT0zlHWuxyUUqq8A"
BOBS = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIOaR"
Answers = dict[str, str]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What git and ssh-add say, by the command's words; nothing else."""
    said: Answers = {}

    def answer(words: list[str], environ: Mapping[str, str]) -> str:
        del environ
        return said.get(" ".join(words), "")

    monkeypatch.setattr(keys, "said", answer)
    return said


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """Who may sign: Ada."""
    path = tmp_path / "allowed_signers"
    path.write_text(f"ada@example.com {ADAS}\n", encoding="utf-8")
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory without a key."""
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    return tmp_path / "home"


def put(home: Path, name: str, line: str) -> Path:
    """The public half of a key in a home directory."""
    path = home / ".ssh" / f"{name}.pub"
    path.write_text(f"{line} a comment\n", encoding="utf-8")
    return path


def signing_key(answers: Answers, text: str, form: str = "ssh") -> None:
    """Have git sign with this."""
    answers["git config --get gpg.format"] = f"{form}\n"
    answers["git config --get user.signingkey"] = f"{text}\n"


def test_a_file_that_is_named_signs(allowed: Path, tmp_path: Path, answers: Answers) -> None:
    """It goes before git's, and ssh-keygen decides whether it may sign."""
    key = tmp_path / "key"
    key.touch()
    signing_key(answers, str(tmp_path / "other"))
    with chosen_key(str(key), allowed, {}) as path:
        assert path == key


def test_a_file_is_named_from_the_home_directory(
    allowed: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tilde stands for the home directory."""
    monkeypatch.setenv("HOME", str(home))
    (home / "key").touch()
    with chosen_key("~/key", allowed, {}) as path:
        assert path == home / "key"


def test_a_file_that_is_not_there_is_wrong_usage(allowed: Path, tmp_path: Path) -> None:
    """The option and the path are named."""
    missing = str(tmp_path / "none")
    with (
        pytest.raises(UsageError, match=r"^--key names .*none, which is no file; name a key"),
        chosen_key(missing, allowed, {}),
    ):
        pass


@pytest.mark.parametrize("prefix", ["", "key::"])
@pytest.mark.parametrize("line", [ADAS, BOBS])
def test_a_public_key_can_be_named_as_text(allowed: Path, prefix: str, line: str) -> None:
    """Of any kind: it is put into a file for ssh-keygen, whose private half an agent holds."""
    with chosen_key(f"{prefix}{line} a comment", allowed, {}) as path:
        assert path.read_text(encoding="utf-8") == f"{line}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.suffix == ".pub"
    assert not path.exists()


def test_gits_key_signs_where_none_is_named(
    allowed: Path, tmp_path: Path, answers: Answers
) -> None:
    """It goes before those in the home directory."""
    key = tmp_path / "key"
    key.touch()
    signing_key(answers, str(key))
    with chosen_key(None, allowed, {}) as path:
        assert path == key


def test_gits_key_may_be_text(allowed: Path, answers: Answers) -> None:
    """Git allows a key in place of a file, too."""
    signing_key(answers, f"key::{ADAS}")
    with chosen_key(None, allowed, {}) as path:
        assert path.read_text(encoding="utf-8") == f"{ADAS}\n"


def test_a_key_of_gits_that_is_not_there_is_wrong_usage(
    allowed: Path, tmp_path: Path, answers: Answers
) -> None:
    """The message says that git names it."""
    signing_key(answers, str(tmp_path / "none"))
    with (
        pytest.raises(UsageError, match=r"^git's user\.signingkey names .*none, which is no file"),
        chosen_key(None, allowed, {}),
    ):
        pass


@pytest.mark.parametrize(("text", "form"), [("/a/key", "openpgp"), ("", "ssh")])
def test_git_that_does_not_sign_with_ssh_names_none(
    allowed: Path, home: Path, answers: Answers, text: str, form: str
) -> None:
    """Git may sign in another format, or have no key."""
    signing_key(answers, text, form)
    there = put(home, "id_rsa", ADAS)
    with chosen_key(None, allowed, {"HOME": str(home)}) as path:
        assert path == there


def test_the_first_allowed_key_of_the_home_directory_signs(
    allowed: Path, home: Path, answers: Answers
) -> None:
    """Keys are tried in the order of ssh's usual names; one that may not sign is passed over."""
    put(home, "id_ed25519", BOBS)
    there = put(home, "id_ecdsa", ADAS)
    put(home, "id_rsa", ADAS)
    assert answers == {}
    with chosen_key(None, allowed, {"HOME": str(home)}) as path:
        assert path == there


def test_the_first_allowed_key_of_an_agent_signs(
    allowed: Path, home: Path, answers: Answers
) -> None:
    """It goes before those in the home directory."""
    put(home, "id_ed25519", ADAS)
    answers["ssh-add -L"] = f"{BOBS} bob\n{ADAS} ada\n"
    with chosen_key(None, allowed, {"HOME": str(home), "SSH_AUTH_SOCK": "/a/socket"}) as path:
        assert path.read_text(encoding="utf-8") == f"{ADAS}\n"


def test_without_an_agent_nobody_asks_it(allowed: Path, home: Path, answers: Answers) -> None:
    """Where SSH_AUTH_SOCK is not set, there is none."""
    answers["ssh-add -L"] = f"{ADAS} ada\n"
    with (
        pytest.raises(SigningError, match=r"^there is no key to sign with; pass --key FILE"),
        chosen_key(None, allowed, {"HOME": str(home)}),
    ):
        pass


def test_keys_of_which_none_may_sign_are_counted(
    allowed: Path, home: Path, answers: Answers
) -> None:
    """The file that says who may is named."""
    put(home, "id_ed25519", BOBS)
    answers["ssh-add -L"] = f"{BOBS} bob\n"
    said = r"^none of the 2 keys that you hold is in allowed_signers; have one added there, or pass"
    with (
        pytest.raises(SigningError, match=said),
        chosen_key(None, allowed, {"HOME": str(home), "SSH_AUTH_SOCK": "/a/socket"}),
    ):
        pass


def test_without_a_list_of_signers_no_key_may_sign(home: Path, answers: Answers) -> None:
    """A file that is not there allows nobody."""
    put(home, "id_ed25519", ADAS)
    assert answers == {}
    with (
        pytest.raises(SigningError, match=r"^none of the 1 keys that you hold is in none"),
        chosen_key(None, home / "none", {"HOME": str(home)}),
    ):
        pass
