"""The two procedures, deploy and rollback: their steps in order, how they end, what they leave."""
