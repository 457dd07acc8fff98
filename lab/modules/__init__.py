"""How many modules a run of gonogo enters: ``nox -s modules`` counts and lists them."""
