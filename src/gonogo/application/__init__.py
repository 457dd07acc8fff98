"""The team's application as rollout.toml describes it: code, commands, endpoints, variables."""
