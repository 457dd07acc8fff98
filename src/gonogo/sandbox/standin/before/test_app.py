"""The application's own tests: `python -m unittest`."""
# ruff: noqa: PT009, D102  # unittest's own assertions; the names of the tests say what they claim

from __future__ import annotations

import unittest
from http import HTTPStatus

from routes import ROUTES
from web import Request, dispatch


class Pages(unittest.TestCase):
    """What is answered without a database."""

    def test_the_front_page_is_there(self) -> None:
        self.assertEqual(dispatch(ROUTES, Request("GET", "/")).status, HTTPStatus.OK)

    def test_an_unknown_page_is_not_found(self) -> None:
        self.assertEqual(dispatch(ROUTES, Request("GET", "/no")).status, HTTPStatus.NOT_FOUND)


if __name__ == "__main__":
    unittest.main()
