"""A backup that is proved, and by what it is told whether two states of a database are the same."""
