"""What gonogo promises and how it is proved: ``nox -s reliability`` writes docs/reliability.md."""
