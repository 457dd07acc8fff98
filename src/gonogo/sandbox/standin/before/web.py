"""Requests, responses, and what every route shares."""

from __future__ import annotations

import hmac
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import psycopg
from database import missing_tables


@dataclass(frozen=True, slots=True)
class Request:
    """What a route may look at; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back."""

    status: HTTPStatus
    body: bytes
    content_type: str = "application/json"


Route = Callable[[Request], Response]


def json_response(status: HTTPStatus, /, **members: object) -> Response:
    """A JSON object."""
    return Response(status, json.dumps(members, default=str).encode())


def html_response(text: str) -> Response:
    """A page."""
    return Response(HTTPStatus.OK, text.encode(), "text/html; charset=utf-8")


def revision() -> str:
    """The commit that this code was checked out at; "unknown" outside a repository."""
    head = Path(__file__).resolve().parent / ".git" / "HEAD"
    return head.read_text(encoding="ascii").strip() if head.is_file() else "unknown"


REVISION = revision()


def health(needed: tuple[str, ...]) -> Response:
    """Ask the database for the tables that this revision lives on."""
    try:
        missing = missing_tables(needed)
    except psycopg.Error:
        missing = ["the database"]
    status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
    word = "degraded" if missing else "healthy"
    return json_response(status, status=word, revision=REVISION, missing=missing)


def refusal(request: Request, variable: str) -> Response | None:
    """None when the request carries the bearer token that `variable` holds, else 401 or 403."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return json_response(HTTPStatus.UNAUTHORIZED, error="a bearer token is needed")
    wanted = os.environ.get(variable, "")
    if not wanted or not hmac.compare_digest(token.encode(), wanted.encode()):
        return json_response(HTTPStatus.FORBIDDEN, error="this token may not")
    return None


def dispatch(routes: Mapping[tuple[str, str], Route], request: Request) -> Response:
    """The route's answer; 404 for a path without one, 503 when the database fails."""
    route = routes.get((request.method, request.path))
    if route is None:
        return json_response(HTTPStatus.NOT_FOUND, error="no such page")
    try:
        return route(request)
    except psycopg.Error as error:
        sys.stderr.write(f"{request.method} {request.path}: {error}\n")
        return json_response(HTTPStatus.SERVICE_UNAVAILABLE, error=type(error).__name__)
