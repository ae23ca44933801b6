"""How a step is compiled."""

from typing import Literal

Compile = Literal["none", "graph", "xla", "lanes"]
"""Not at all (eager), to a graph of TensorFlow, by XLA, or by XLA in lanes (`echo_rnn.core.shards`)."""
