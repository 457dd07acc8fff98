"""Restore: a verified backup takes the place of the live database, with what was written since."""
