"""PostgreSQL: connections, snapshots, transactions, SQL files, client tools.

It imports the model, errors, and what runs other programs; it knows nothing of a rollout.
"""
