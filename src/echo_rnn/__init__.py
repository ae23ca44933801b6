"""Truncated backpropagation through time, and every way to unroll it.

`echo_rnn.load(folder)` gives a trained network that predicts arrays and streams; `echo_rnn.runs()` gives the runs of
the project as a table. Both are imported when they are first used: importing the package costs nothing.

Axis legend: the suffix of an array or tensor names its axes in order, so `x_TBI` has shape
`[time, batch, input feature]`.

====  ===========================================================
Axis  Meaning
====  ===========================================================
`T`   time step within a window
`B`   batch: one of the series that are trained in parallel
`I`   input feature
`S`   state unit (the size of a layer)
`G`   gate (`4·S` for an LSTM, `3·S` for a GRU, `S` for a simple RNN)
`L`   layer
`C`   class
`K`   real target
`W`   truncation window
`N`   time step of a row of the cut series (`N = W·T` and the steps left over)
`E`   epoch
====  ===========================================================
"""

import importlib
from typing import Any

__version__ = "0.2.0"

_LAZY = {"load": "echo_rnn.inference.network", "runs": "echo_rnn.stages.runs"}

__all__ = ["__version__", "load", "runs"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
