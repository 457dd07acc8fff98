"""criteria.toml → validated metrics, rules and weights. The only home of their meaning.

Whatever cannot be meant is a `ConfigError` with file, key and hint: a misspelt key, a limit that
is none, a warning on the wrong side of its critical level, a survey without a file, weights that
do not add up to 100.
"""

from gonogo.criteria.entries import ENDPOINTS, Criteria, Derived, Filter, Metric, Rules, Score
from gonogo.criteria.reading import load

__all__ = ["ENDPOINTS", "Criteria", "Derived", "Filter", "Metric", "Rules", "Score", "load"]
