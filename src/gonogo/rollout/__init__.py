"""Ledger, lock, backup, migrations, application, endpoints: a rollout, forward and back."""
