"""Truncated backpropagation through time, and every way to unroll it.

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

__version__ = "0.2.0"
