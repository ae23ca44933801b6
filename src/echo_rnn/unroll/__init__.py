"""Ways through time: every strategy computes the same function and differs in the graph that computes it."""

from echo_rnn.config import network
from echo_rnn.unroll.dynamic import dynamic
from echo_rnn.unroll.static import static
from echo_rnn.unroll.strategy import Unroll

__all__ = ["Unroll", "build_unroll"]

_STRATEGIES: dict[str, Unroll] = {"static": static, "dynamic": dynamic}


def build_unroll(unroll: network.Unroll) -> Unroll:
    """The strategy that the configuration describes."""
    return _STRATEGIES[unroll.name]
