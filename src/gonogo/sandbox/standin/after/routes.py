"""The pages with the sync optimization."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from database import connect
from web import Request, Response, Route, health, html_response, json_response, refusal

NEEDED = (
    "users",
    "oauth_tokens",
    "audit_logs",
    "token_health",
    "circuit_breaker_state",
    "sync_schedule",
    "calendar_webhook_subscriptions",
    "sync_metrics",
    "token_health_notifications",
    "webhook_notifications",
)
DASHBOARD = (Path(__file__).resolve().parent / "sync-health.html").read_text(encoding="utf-8")
SUMMARY = """
select
    (select count(*) from sync_schedule) as connections,
    (select count(*) from token_health where status in ('expired', 'revoked')) as invalid_tokens,
    (select count(*) from circuit_breaker_state where state = 'open') as open_breakers,
    (select count(*) from calendar_webhook_subscriptions where expiration > now())
        as active_webhooks,
    (select max(created_at) from sync_metrics) as last_sync_at
"""
NOTIFY = """
insert into webhook_notifications (user_id, channel_id, resource_id, resource_state, result)
select user_id, channel_id, %(resource)s, %(state)s, %(result)s
from calendar_webhook_subscriptions
where channel_id = %(channel)s
"""
SYNC_ONE = """
insert into sync_metrics (user_id, integration_type, sync_type, result, duration_ms,
    items_processed, api_calls_made, api_calls_saved)
select user_id, integration_type, 'manual', 'success', 350, 0, 1, 0
from sync_schedule
order by next_sync_at
limit 1
"""
STATES = ("sync", "exists", "not_exists")


def _health(_request: Request) -> Response:
    return health(NEEDED)


def _front(_request: Request) -> Response:
    return html_response("<!doctype html><title>Contacts</title><h1>Contacts and calendar</h1>")


def _dashboard(_request: Request) -> Response:
    return html_response(DASHBOARD)


def _sync_health(request: Request) -> Response:
    if refused := refusal(request, "ADMIN_JWT"):
        return refused
    with connect() as connection:
        summary = connection.execute(SUMMARY).fetchone()
    return json_response(HTTPStatus.OK, **(summary or {}))


def _webhook(request: Request) -> Response:
    channel = request.headers.get("x-goog-channel-id", "")
    state = request.headers.get("x-goog-resource-state", "exists")
    if not channel or state not in STATES:
        return json_response(HTTPStatus.BAD_REQUEST, error="this is no notification")
    notification = {
        "channel": channel,
        "state": state,
        "resource": request.headers.get("x-goog-resource-id", ""),
        # Google confirms a new channel with a notification that brings no news.
        "result": "ignored" if state == "sync" else "success",
    }
    with connect() as connection:
        known = connection.execute(NOTIFY, notification).rowcount
    if not known:
        return json_response(HTTPStatus.NOT_FOUND, result="ignored", error="unknown channel")
    return json_response(HTTPStatus.OK, result=notification["result"])


def _manual_sync(request: Request) -> Response:
    if refused := refusal(request, "SMOKE_JWT"):
        return refused
    with connect() as connection:
        synced = connection.execute(SYNC_ONE).rowcount
    return json_response(HTTPStatus.ACCEPTED, synced=synced)


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/health"): _health,
    ("GET", "/"): _front,
    ("GET", "/admin/sync-health.html"): _dashboard,
    ("GET", "/api/admin/sync-health"): _sync_health,
    ("POST", "/api/webhooks/calendar"): _webhook,
    ("POST", "/api/sync/manual"): _manual_sync,
}
