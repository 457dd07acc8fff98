"""The application's own tests: `python -m unittest`."""
# ruff: noqa: PT009, D102  # unittest's own assertions; the names of the tests say what they claim

from __future__ import annotations

import unittest
from http import HTTPStatus

from routes import ROUTES
from web import Request, dispatch


def _status(method: str, path: str, **headers: str) -> HTTPStatus:
    return dispatch(ROUTES, Request(method, path, headers)).status


class Pages(unittest.TestCase):
    """What is answered without a database."""

    def test_the_front_page_is_there(self) -> None:
        self.assertEqual(_status("GET", "/"), HTTPStatus.OK)

    def test_the_dashboard_is_there(self) -> None:
        self.assertEqual(_status("GET", "/admin/sync-health.html"), HTTPStatus.OK)

    def test_an_unknown_page_is_not_found(self) -> None:
        self.assertEqual(_status("GET", "/no"), HTTPStatus.NOT_FOUND)

    def test_the_summary_is_for_those_with_a_token(self) -> None:
        self.assertEqual(_status("GET", "/api/admin/sync-health"), HTTPStatus.UNAUTHORIZED)

    def test_a_wrong_token_may_not_see_the_summary(self) -> None:
        status = _status("GET", "/api/admin/sync-health", authorization="Bearer wrong")
        self.assertEqual(status, HTTPStatus.FORBIDDEN)

    def test_a_notification_without_a_channel_is_none(self) -> None:
        self.assertEqual(_status("POST", "/api/webhooks/calendar"), HTTPStatus.BAD_REQUEST)


if __name__ == "__main__":
    unittest.main()
