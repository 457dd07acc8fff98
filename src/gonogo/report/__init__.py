"""A record for people: HTML, terminal, summary, index. Imports nothing that measures."""
