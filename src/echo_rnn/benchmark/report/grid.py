"""Where the shapes of a sweep agree and differ: what is describe_shape, what runs along an axis, what is a panel."""

from collections.abc import Sequence
from typing import NamedTuple

from echo_rnn.benchmark.measure.shape import COMPILED, Shape
from echo_rnn.benchmark.report.results import ShapeResult
from echo_rnn.core.losses import LOSSES

SIZES = ("layers", "units", "batch_size", "window")
AXES = ("window", "layers", "units", "batch_size")
"""Sizes in the order in which they are preferred for an axis."""

_SYMBOLS = {"layers": "L", "units": "S", "batch_size": "B", "window": "T", "inputs": "I"}
_FIELDS = (
    "cell",
    "layers",
    "units",
    "batch_size",
    "window",
    "inputs",
    "precision",
    "compile",
    "shards",
    "loss",
    "threads",
)


class Panel(NamedTuple):
    """Results that agree in all but the quantities along a picture's axes.

    Attributes:
        title: What they share and other panels do not.
        results: In the order of those quantities.
    """

    title: str
    results: list[ShapeResult]


def varying(results: Sequence[ShapeResult]) -> list[str]:
    """The fields in which the shapes differ."""
    return [field for field in _FIELDS if len({getattr(result.shape, field) for result in results}) > 1]


def describe_shape(shape: Shape, fields: Sequence[str]) -> str:
    """Some fields of a shape, as in `LSTM, L = 3, S = 4`."""
    return ", ".join(_fact(shape, field) for field in fields)


def shared(results: Sequence[ShapeResult]) -> str:
    """What all shapes have in common."""
    shape = results[0].shape
    common = [field for field in _FIELDS if field not in varying(results)]
    usual = {"shards": 1, "loss": "cross_entropy"}
    return describe_shape(shape, [field for field in common if usual.get(field) != getattr(shape, field)])


def name_of(result: ShapeResult) -> str:
    """What was compared, with the shape in the letters of the axes."""
    letters = describe_shape(result.shape, SIZES)
    return f"whole process of {result.trained}, {letters}" if result.trained else letters


def labels(results: Sequence[ShapeResult]) -> list[str]:
    """All contestants, in the order of the results."""
    return list(dict.fromkeys(each.label for result in results for each in result.contestants))


def axis_of(results: Sequence[ShapeResult], candidates: Sequence[str] = AXES) -> str | None:
    """The quantity of which some panel has the most values; `None` where no panel has two."""
    most = {field: max((len(panel.results) for panel in panels(results, field)), default=0) for field in candidates}
    best = max(most, key=lambda field: most[field], default=None)
    return best if best is not None and most[best] > 1 else None


def panels(results: Sequence[ShapeResult], *along: str) -> list[Panel]:
    """The shapes sorted into panels within which only `along` differ."""
    fields = [field for field in varying(results) if field not in along]
    found: dict[tuple[float | str, ...], list[ShapeResult]] = {}
    for result in results:
        found.setdefault(_place(result, fields), []).append(result)
    return [
        Panel(describe_shape(group[0].shape, fields), sorted(group, key=lambda each: _place(each, along)))
        for group in sorted(found.values(), key=lambda group: _place(group[0], fields))
    ]


def _place(result: ShapeResult, fields: Sequence[str]) -> tuple[float | str, ...]:
    return tuple(getattr(result.shape, field) for field in fields)


def _fact(shape: Shape, field: str) -> str:
    value = getattr(shape, field)
    if field in _SYMBOLS:
        return f"{_SYMBOLS[field]} = {value}"
    if field in ("threads", "shards"):
        return f"{value} {field.removesuffix('s')}{'' if value == 1 else 's'}"
    if field == "compile":
        return COMPILED[shape.compile]
    if field == "loss":
        return LOSSES[shape.loss].unit
    return str(value).upper() if field == "cell" else str(value)
