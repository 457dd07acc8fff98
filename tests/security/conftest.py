"""Servers behind TLS, with certificates made on the spot, and what attackers would plant."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from gonogo.sandbox.cluster import data_of
from gonogo.sandbox.databases import Databases
from gonogo.sandbox.server import LOG_FILE, EmbeddedServer

# Its certificate speaks for this name; the address that it is reached by is given apart.
HOST = "localhost"
DATABASE = "app"
KEYS = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Authority:
    """Somebody who signs certificates.

    Args:
        certificate: What trusts it.
        key: What it signs with.
    """

    certificate: Path
    key: Path

    @classmethod
    def found(cls, directory: Path) -> Authority:
        """Make one."""
        directory.mkdir()
        one = cls(directory / "ca.crt", directory / "ca.key")
        openssl("/CN=An authority of these tests", one.certificate, one.key)
        return one

    def sign(self, directory: Path) -> None:
        """Make the key and the certificate of a server that is called HOST."""
        openssl(
            f"/CN={HOST}",
            directory / "server.crt",
            directory / "server.key",
            f"-addext=subjectAltName=DNS:{HOST}",
            f"-CA={self.certificate}",
            f"-CAkey={self.key}",
        )


@dataclass(frozen=True, slots=True)
class SecureServer:
    """A PostgreSQL that takes nobody in without TLS; it holds an application before 038.

    Args:
        server: It.
        trusted: The certificate of who signed its own.
        foreign: That of an authority that did not.
    """

    server: EmbeddedServer
    trusted: Path
    foreign: Path

    def reach(self, **changes: str) -> dict[str, str]:
        """The parameters of a connection that checks everything, with changes."""
        parameters = {
            name: str(value)
            for name, value in conninfo_to_dict(self.server.conninfo(DATABASE)).items()
            if value and name != "gssencmode"
        }
        address = {"host": HOST, "hostaddr": "127.0.0.1"}
        checked = {"sslmode": "verify-full", "sslrootcert": str(self.trusted)}
        return parameters | address | checked | changes

    def authorized(self) -> list[str]:
        """What the server's log says of each connection that it took in."""
        log = (self.server.directory / LOG_FILE).read_text(encoding="utf-8", errors="replace")
        return [line for line in log.splitlines() if "connection authorized" in line]


def openssl(subject: str, certificate: Path, key: Path, *words: str) -> None:
    """Make a key and a certificate; each word is an option, with its value behind a sign ``=``."""
    options = [part for word in words for part in word.split("=", 1)]
    made = ["-subj", subject, "-keyout", str(key), "-out", str(certificate), "-days", "2"]
    subprocess.run(
        ["openssl", "req", "-x509", *KEYS, *made, *options], check=True, capture_output=True
    )


@pytest.fixture(scope="module")
def secure_server(
    postgres15: Path, tmp_path_factory: pytest.TempPathFactory, build_base: Callable[[str], None]
) -> Iterator[SecureServer]:
    """PostgreSQL 15, which has TLS where the wheel's has none, listening for TLS alone."""
    root = tmp_path_factory.mktemp("tls")
    authority, foreign = Authority.found(root / "ours"), Authority.found(root / "theirs")
    # Where a socket does not fit, the sandbox listens on loopback.
    directory = root / ("too-long-for-a-socket-" * 6)
    logged = {"log_connections": "on"}
    with EmbeddedServer.start(directory, bin_dir=postgres15, settings=logged) as server:
        build_base(Databases(server).create(DATABASE))
        _secure(server, authority)
        yield SecureServer(server, authority.certificate, foreign.certificate)


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The wheel's PostgreSQL on loopback: it was built without TLS."""
    directory = tmp_path_factory.mktemp("plain") / ("too-long-for-a-socket-" * 6)
    with EmbeddedServer.start(directory) as server:
        yield server


def _secure(server: EmbeddedServer, authority: Authority) -> None:
    """Give a running server a certificate, and have it refuse whoever comes without TLS."""
    data = data_of(server.directory)
    authority.sign(data)
    owner = data.stat()
    for name in ("server.crt", "server.key"):
        os.chown(data / name, owner.st_uid, owner.st_gid)
        (data / name).chmod(0o600)
    rules = data / "pg_hba.conf"
    rules.write_text(rules.read_text().replace("\nhost ", "\nhostssl "), encoding="utf-8")
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("alter system set ssl = on")
        connection.execute("select pg_reload_conf()")
    _wait_for_tls(make_conninfo(server.conninfo(), sslmode="require"))


@retry(
    retry=retry_if_exception_type(psycopg.OperationalError),
    wait=wait_fixed(0.05),
    stop=stop_after_delay(30),
    reraise=True,
)
def _wait_for_tls(conninfo: str) -> None:
    psycopg.connect(conninfo).close()
