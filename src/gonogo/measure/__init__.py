"""Database → measurement: one snapshot, every survey once, a measurement for each metric.

It imports postgres, criteria and the model; it judges nothing.
"""
