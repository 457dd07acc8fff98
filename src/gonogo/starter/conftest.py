"""Loads gonogo's options and fixtures for the checks; everything else lives in the package."""

pytest_plugins = ["gonogo.plugin"]
