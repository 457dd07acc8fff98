"""The README's screenshots, made from the records of a rehearsal."""
