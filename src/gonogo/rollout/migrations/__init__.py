"""Migrations: what they lock, how they are applied, reverted, moved aside and copied back."""
