"""A rollout's whole world on one machine: PostgreSQL, schema, traffic, stand-in application."""
