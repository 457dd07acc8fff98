"""The README's screenshots, taken of records that a rehearsal's gates made."""
