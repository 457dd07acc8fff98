"""The file → `Criteria`: expanded, validated, and refused when it cannot be meant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from gonogo.config.tomlfile import config_error, dotted, parse_toml, read_bytes
from gonogo.criteria.entries import Criteria, Metric, Rules, Score, Strict
from gonogo.criteria.sense import nonsense
from gonogo.errors import ConfigError

METRIC = "metric"
SECTIONS: Mapping[str, type[Strict]] = {"rules": Rules, "score": Score, METRIC: Metric}


def load(path: Path, sql_dir: Path) -> Criteria:
    """Read and validate a criteria file.

    Args:
        path: The TOML file.
        sql_dir: Where each survey's SQL file must lie.

    Raises:
        ConfigError: The file is missing, is no TOML, or says something that cannot be meant.
    """
    content = read_bytes(path)
    document = parse_toml(content, path)
    entries = document.get(METRIC)
    if isinstance(entries, Mapping):
        document[METRIC] = _expanded(entries, str(path))
    # One value for both: what a record was judged by is exactly what was read.
    document["sha256"] = hashlib.sha256(content).hexdigest()
    try:
        criteria = Criteria.model_validate(document)
    except ValidationError as error:
        raise config_error(str(path), error, _known_keys) from None
    for key, problem in nonsense(criteria, sql_dir):
        raise ConfigError(problem, file=str(path), key=dotted(key))
    return criteria


def _known_keys(path: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of the section at `path`, which begins with the section's name."""
    if not path:
        return (*SECTIONS, "headings")
    keys = tuple(key for key in SECTIONS[path[0]].model_fields if key != "id")
    return (*keys, "expand") if path[0] == METRIC else keys


def _expanded(entries: Mapping[str, object], file: str) -> dict[str, object]:
    """Entries with ``expand = { name = [...] }`` become one entry a value, ``{name}`` filled in."""
    metrics: dict[str, object] = {}
    for metric_id, entry in entries.items():
        for own_id, copy in _copies(metric_id, entry, file):
            if own_id in metrics:
                key = dotted((METRIC, metric_id))
                raise ConfigError(f"makes {own_id!r} twice", "name it by its value", file, key)
            metrics[own_id] = copy
    return metrics


def _copies(metric_id: str, entry: object, file: str) -> Iterator[tuple[str, object]]:
    if not isinstance(entry, Mapping):
        yield metric_id, entry
        return
    if "id" in entry:
        key = dotted((METRIC, metric_id, "id"))
        raise ConfigError("unknown key", "the id is the entry's own name", file, key)
    plain = {key: entry[key] for key in entry if key != "expand"} | {"id": metric_id}
    if "expand" not in entry:
        yield metric_id, plain
        return
    for placeholder, value in _values(entry["expand"], dotted((METRIC, metric_id, "expand")), file):
        copy = _filled(plain, placeholder, value)
        yield str(copy["id"]), copy


def _values(expand: object, key: str, file: str) -> Iterator[tuple[str, str]]:
    """Placeholder and value of each copy."""
    if isinstance(expand, Mapping) and len(expand) == 1:
        ((name, values),) = expand.items()
        if isinstance(values, list) and values and all(isinstance(one, str) for one in values):
            yield from ((f"{{{name}}}", value) for value in values)
            return
    raise ConfigError("is no list of names", 'write it like { name = ["one", "two"] }', file, key)


def _filled(node: Mapping[str, object], placeholder: str, value: str) -> dict[str, object]:
    def fill(leaf: object) -> object:
        if isinstance(leaf, str):
            return leaf.replace(placeholder, value)
        if isinstance(leaf, list):
            return [fill(item) for item in leaf]
        return _filled(leaf, placeholder, value) if isinstance(leaf, Mapping) else leaf

    return {key: fill(leaf) for key, leaf in node.items()}
