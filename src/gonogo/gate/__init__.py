"""The gate: what is asked → one observation → findings → record."""
