"""PostgreSQL: connections, sessions, SQL files, client tools. Knows no rollout and no report."""
