"""How fast the gate is, beside what else one could do: ``nox -s bench``."""
