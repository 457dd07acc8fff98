"""What runs a deployment or a rollback: steps, shown, logged, in the ledger, resumed."""
