"""This machine's processes: whose a pid file is, who listens where."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gonogo.application.processes import process_of, socket_owners


def test_a_pid_file_names_a_process_with_its_start(tmp_path: Path) -> None:
    """A number alone is given again, so the start belongs to it."""
    file = tmp_path / "app.pid"
    file.write_text(f"{os.getpid()}\n", encoding="utf-8")
    assert process_of(file).startswith(f"pid {os.getpid()}, started at tick ")


@pytest.mark.parametrize("text", ["", "no number", "4194305"])
def test_a_pid_file_that_names_nobody_tells_nothing(tmp_path: Path, text: str) -> None:
    """A file that is empty, spoilt, or of a process that has ended says nothing."""
    file = tmp_path / "app.pid"
    assert process_of(file) == ""
    file.write_text(text, encoding="utf-8")
    assert process_of(file) == ""


def test_an_address_elsewhere_has_no_socket_here() -> None:
    """Only this machine's own processes can be seen."""
    assert not list(socket_owners("https://shop.example.com"))


def test_whoever_listens_on_loopback_owns_the_socket() -> None:
    """The owner is found by the port, with the start of its process."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        (owner,) = socket_owners(f"http://127.0.0.1:{port}")
    assert owner.startswith(f"pid {os.getpid()}, ")
    assert not list(socket_owners(f"http://127.0.0.1:{port}"))
