"""Strategies of unrolling: each computes the same function and differs in the graph that computes it.

The table of all of them is `echo_rnn.core.strategies`.
"""

from echo_rnn.core.unroll.masks import Dropout, Masks
from echo_rnn.core.unroll.strategy import Unroll
from echo_rnn.core.unroll.window import Window, window

__all__ = ["Dropout", "Masks", "Unroll", "Window", "window"]
