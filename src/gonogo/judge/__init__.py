"""Measurement → finding → verdict. Pure: imports criteria and the model, nothing else."""
