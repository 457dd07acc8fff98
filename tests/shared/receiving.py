"""Somebody's chat or pager: a real HTTP server in the test's own process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What was received.

    Args:
        port: Where it listens, on this machine.
        status: What it answers.
        messages: Title and text of each, in order.
    """

    port: int
    status: int = 200
    messages: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As Apprise writes it."""
        return f"json://release:s3cret-chat@127.0.0.1:{self.port}/hook"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive messages while the body runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.messages.append((sent["title"], sent["message"]))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
