"""Small migrations of every kind, each planned, applied, reverted and applied again on a server."""
