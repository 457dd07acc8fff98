"""Database → Measurement: connection, snapshot, surveys."""
