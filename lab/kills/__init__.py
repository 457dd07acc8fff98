"""Deployments and rollbacks that are killed: ``nox -s kills`` writes docs/kills.md."""
