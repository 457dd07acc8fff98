"""The ledger: what was done to a database and by whom, kept in that database; migration files."""
