"""gonogo: the release gate that tells a team, with evidence, whether a rollout may go on."""

__version__ = "0.2.0"
