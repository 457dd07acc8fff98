"""A record on disk: written, read, archived, chained and listed. Imports model alone."""
