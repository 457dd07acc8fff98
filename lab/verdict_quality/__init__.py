"""How often the verdict is right: ``nox -s verdict_quality`` simulates it and writes the page."""
