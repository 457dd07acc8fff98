"""The ledger: migration files, and what was done to a database, kept in that database.

It imports postgres and the model.
"""
