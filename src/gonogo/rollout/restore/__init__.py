"""Restore: a verified backup takes the place of the live database, with what was written since.

It imports backup, the ledger, postgres, and the runner's steps.
"""
