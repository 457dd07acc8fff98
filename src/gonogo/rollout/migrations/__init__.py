"""Migrations: what they lock, how they are applied, reverted, moved aside and copied back.

It imports the ledger, postgres, and what backup says of tables.
"""
