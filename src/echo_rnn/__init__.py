"""Truncated backpropagation through time, and every way to unroll it.

Axis legend: the suffix of an array or tensor names its axes in order, so `x_TBI` has shape
`[time, batch row, input feature]`.

====  ===========================================================
Axis  Meaning
====  ===========================================================
`T`   time step within a window
`B`   batch row, one of the parallel series
`I`   input feature
`S`   state unit (the size of a layer)
`G`   gate (`4·S` for an LSTM, `3·S` for a GRU, `S` for a simple RNN)
`L`   layer
`C`   class
`W`   window, one segment of truncated backpropagation
`N`   time step of a whole row (`N = W·T` and the steps left over)
`E`   epoch
====  ===========================================================
"""
