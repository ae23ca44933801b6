"""A nested configuration as MLflow parameters: dotted names, text values of limited length."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

# MLflow cuts longer values without a word.
LENGTH = 6000


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields dotted names and values of a nested configuration; what is not text is written as JSON."""
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value, default=str)


def shortened(value: str) -> str:
    """Cuts what is too long, with a mark that says so."""
    if len(value) <= LENGTH:
        return value
    mark = f" [cut: {len(value)} characters in all]"
    return value[: LENGTH - len(mark)] + mark
