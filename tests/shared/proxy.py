"""A network between client and server that can be made to fail: it loses what it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CHUNK = 1 << 16


@dataclass(eq=False)
class Proxy:
    """Hands bytes on between clients of a port of 127.0.0.1 and a server's socket.

    Args:
        conninfo: How to reach the server through it.
        swallowing: While set, clients are accepted, and nothing of what they or the server say
            goes on: a network that went without a word.
        cut_after: A client's connection is cut as soon as the server has answered a message that
            holds these bytes, and the answer is lost; empty means none.
    """

    conninfo: str
    swallowing: threading.Event = field(default_factory=threading.Event)
    cut_after: bytes = b""
    _open: list[socket.socket] = field(default_factory=list, repr=False)

    def serve(self, client: socket.socket, server: socket.socket) -> None:
        """Hand on what a client says, and what it is answered, until either has ended."""
        self._open += [client, server]
        cutting = threading.Event()

        def pump(source: socket.socket, target: socket.socket, *, asks: bool) -> None:
            with suppress(OSError):
                while chunk := source.recv(CHUNK):
                    if self.swallowing.is_set():
                        continue
                    if cutting.is_set() and not asks:
                        break
                    if asks and self.cut_after and self.cut_after in chunk:
                        self.cut_after = b""
                        cutting.set()
                    target.sendall(chunk)
            if not self.swallowing.is_set():
                for end in (client, server):
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

        for source, target, asks in ((client, server, True), (server, client, False)):
            threading.Thread(
                target=pump, args=(source, target), kwargs={"asks": asks}, daemon=True
            ).start()

    def close(self) -> None:
        """End every connection."""
        for end in self._open:
            # A thread that waits in recv() notices a shutdown, not a close.
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def proxied(conninfo: str) -> Iterator[Proxy]:
    """A proxy in front of a server that listens on a socket in a directory.

    Args:
        conninfo: The server's own.
    """
    named = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    path = str(Path(named["host"]) / f".s.PGSQL.{named['port']}")
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = str(listener.getsockname()[1])
        through = named | {"host": "127.0.0.1", "port": port, "sslmode": "disable"}
        proxy = Proxy(make_conninfo("", **through, gssencmode="disable"))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    server = socket.socket(socket.AF_UNIX)
                    server.connect(path)
                    proxy.serve(client, server)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            # A thread that waits in accept() notices a shutdown, not a close.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            proxy.close()
