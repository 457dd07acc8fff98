"""Migrations: the files, what they would lock, applied, taken back, moved aside and copied back."""
