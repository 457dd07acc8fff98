"""The HTTP service: loopback only, one thread a request. `ctl.py service start` runs it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import urlsplit

from daemon import Claim, DaemonError
from routes import ROUTES
from web import Request, dispatch

DEFAULT_PORT = 3000
LARGEST_BODY_BYTES = 65536


class Handler(BaseHTTPRequestHandler):
    """Turns bytes into a `Request` and a `Response` into bytes."""

    protocol_version = "HTTP/1.1"
    server_version = "app"
    timeout = 10
    # Head and body leave in one packet; two would wait for each other's acknowledgement.
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY_BYTES:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, body = urlsplit(self.path).path, self.rfile.read(int(length))
        response = dispatch(ROUTES, Request(self.command, path, headers, body))
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)


class Server(ThreadingHTTPServer):
    """A server that ends when its run directory is gone.

    Args:
        port: On 127.0.0.1.
        claim: The pid file held.
    """

    daemon_threads = True

    def __init__(self, port: int, claim: Claim) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self._claim = claim

    def server_bind(self) -> None:
        """Bind without the look-up of a host name, which can take seconds."""
        TCPServer.server_bind(self)

    def service_actions(self) -> None:
        """Called by the server's own loop twice a second."""
        if not self._claim.held():
            sys.exit("the run directory is gone")


def port(environ: Mapping[str, str]) -> int:
    """``PORT``, else the port of ``WEBHOOK_BASE_URL``, else 3000."""
    named = environ.get("PORT") or urlsplit(environ.get("WEBHOOK_BASE_URL", "")).port
    return int(named or DEFAULT_PORT)


def main() -> None:
    """Serve until stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    number = port(os.environ)
    try:
        claim = Claim.take(Path(os.environ["APP_RUN_DIR"]), "service")
        with Server(number, claim) as server:
            claim.ready()
            server.serve_forever()
    except (DaemonError, OSError) as error:
        sys.exit(f"cannot listen on 127.0.0.1:{number}: {error}")


if __name__ == "__main__":
    main()
