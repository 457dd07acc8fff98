"""A small application over HTTP that gives the answers that a test decides on."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Instead of a status: the connection ends without an answer.
BREAKS_OFF = 0
# Path and Authorization header → status and body.
Answer = Callable[[str, str], tuple[int, str]]


@contextmanager
def serving(answer: Answer, tls: Path | None = None) -> Iterator[str]:
    """Serve on a port of one's own while the body runs; its address.

    Args:
        answer: What is answered.
        tls: Where the key and the certificate are made that only the server itself vouches for;
            None serves plain HTTP.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path, self.headers.get("Authorization", ""))
            if status == BREAKS_OFF:
                return
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = _self_signed(tls).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _self_signed(directory: Path) -> ssl.SSLContext:
    key, certificate = directory / "server.key", directory / "server.crt"
    made = ["-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate, "-days", "2"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *map(str, made)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
