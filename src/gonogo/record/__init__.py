"""Record → JSON, HTML, archive."""
