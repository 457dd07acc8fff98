"""How fast the gate is, compared with the alternatives: ``nox -s bench``."""
