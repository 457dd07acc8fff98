"""What a deployment and a rollback are made of: steps, told, logged, in the ledger, resumed."""
