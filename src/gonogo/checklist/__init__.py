"""checklist.toml → phases and items, and where each stands by records, sign-offs and ledger."""
