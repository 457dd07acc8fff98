"""The pages before the sync optimization."""

from __future__ import annotations

from web import Request, Response, Route, health, html_response

NEEDED = ("users", "oauth_tokens", "audit_logs")


def _health(_request: Request) -> Response:
    return health(NEEDED)


def _front(_request: Request) -> Response:
    return html_response("<!doctype html><title>Contacts</title><h1>Contacts and calendar</h1>")


ROUTES: dict[tuple[str, str], Route] = {("GET", "/health"): _health, ("GET", "/"): _front}
