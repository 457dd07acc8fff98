"""Backups that are proved, and fingerprints that compare two states of a database.

It imports postgres and record's files.
"""
