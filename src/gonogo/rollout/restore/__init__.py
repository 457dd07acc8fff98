"""A verified backup put in the place of the live database, with what was written since."""
