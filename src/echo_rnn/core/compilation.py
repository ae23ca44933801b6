"""How a step is compiled."""

from typing import Literal

Compile = Literal["none", "graph", "xla"]
"""Not at all (eager), to a graph of TensorFlow, or by XLA."""
