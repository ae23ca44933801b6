"""What `unroll="auto"` takes: measured once, kept as a table beside this file, looked up by the nearest shape.

The table holds, for each kind of cell and shape, the time of `fit` with a strategy as a ratio to Keras's own layers,
with an interval. A strategy is taken only where the whole interval is below 1 by more than what a process alone may do
to a ratio, so never one that is not shown to be faster; else Keras's own layers run. docs/choices.py measures it;
`ECHO_RNN_CHOICES` names another file, of one's own machine.
"""

import itertools
import json
import math
import os
import platform
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("choices.json")
MOST = 1 / 1.05
"""The largest upper bound that is taken: a shape is measured in one process, whose layout moves a ratio by some percent
(Mytkowicz et al., ASPLOS 2009)."""

_SHAPE = ("layers", "units", "steps", "batch_size")
_USUAL = {"steps": 50, "batch_size": 32}  # where the graph does not know them


@lru_cache(maxsize=4)
def _rows(file: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(Path(file).read_text(encoding="utf-8"))["rows"]
    return rows


def choose(
    cells: Iterable[str], shape: dict[str, int | None], compiled: Iterable[str], can_run: Callable[[str], bool]
) -> str | None:
    """The strategy for a shape, or `None` where none is shown to be faster than Keras's layers.

    Args:
        cells: The kinds of the layers, by the names of `echo_rnn.core.cell_table`; what is taken is faster for all.
        shape: `layers`, `units`, `steps` and `batch_size`; the last two may be unknown.
        compiled: `xla`, `graph` or, where it is not known, both: then what is taken is faster in both.
        can_run: Whether a strategy can run the layer.
    """
    rows = _rows(os.environ.get("ECHO_RNN_CHOICES") or str(FILE))
    nearest = [_nearest(rows, cell, way, shape) for cell, way in itertools.product(cells, compiled)]
    if not all(nearest):
        return None
    shown: dict[str, float] = {}
    for label in nearest[0]:
        intervals = [ratios.get(label, [1, 1, 1]) for ratios in nearest]
        if all(high < MOST for _, _, high in intervals) and can_run(label):
            shown[label] = max(middle for _, middle, _ in intervals)
    return min(shown, key=shown.__getitem__, default=None)


def _nearest(
    rows: list[dict[str, Any]], cell: str, compiled: str, shape: dict[str, int | None]
) -> dict[str, list[float]]:
    """The ratios of the nearest shape: the smallest sum of differences of logarithms."""

    def distance(row: dict[str, Any]) -> float:
        return sum(abs(math.log((shape[name] or _USUAL[name]) / row[name])) for name in _SHAPE)

    own = {"processor": platform.machine(), "cell": cell, "compiled": compiled}
    fitting = [row for row in rows if own.items() <= row.items()]
    ratios: dict[str, list[float]] = min(fitting, key=distance)["ratios"] if fitting else {}
    return ratios
