"""`rollout.toml` and where a project lies: read, validated, refused."""
