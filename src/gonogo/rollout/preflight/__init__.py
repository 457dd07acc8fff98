"""Before the first change: what is missing, what is permitted, and what would be done."""
