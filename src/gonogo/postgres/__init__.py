"""PostgreSQL: connections, transactions, SQL files, client tools. It knows nothing of a rollout."""
