"""Ways through time: every strategy computes the same function and differs in the graph that computes it."""

from typing import Any, cast

from echo_rnn.config import network
from echo_rnn.core.compilation import Compile
from echo_rnn.core.errors import UserError
from echo_rnn.core.unroll.block import block
from echo_rnn.core.unroll.checkpointed import Checkpointed
from echo_rnn.core.unroll.deferred import deferred
from echo_rnn.core.unroll.dynamic import dynamic
from echo_rnn.core.unroll.dynamic_rnn import dynamic_rnn
from echo_rnn.core.unroll.keras_layers import KerasLayers
from echo_rnn.core.unroll.masks import Dropout, Masks
from echo_rnn.core.unroll.partial import Partial
from echo_rnn.core.unroll.static import static
from echo_rnn.core.unroll.static_rnn import static_rnn
from echo_rnn.core.unroll.strategy import Unroll
from echo_rnn.core.unroll.wavefront import wavefront
from echo_rnn.core.unroll.wavefront_deferred import wavefront_deferred
from echo_rnn.core.unroll.window import Window, window

__all__ = ["Dropout", "Masks", "Unroll", "Window", "build_unroll", "named", "window"]

_SIMPLE: dict[str, Any] = {
    "static": static,
    "dynamic": dynamic,
    "wavefront": wavefront,
    "deferred": deferred,
    "wavefront_deferred": wavefront_deferred,
    "block": block,
    "dynamic_rnn": dynamic_rnn,
    "static_rnn": static_rnn,
}


def named(label: str) -> Unroll:
    """The strategy that the configuration's `label` is for, as tables and pictures name it.

    Raises:
        UserError: There is none.
    """
    return _strategy(network.unroll_of(label))


def build_unroll(unroll: network.Strategy, model: network.Model, compiled: Compile = "graph") -> Unroll:
    """The strategy that the configuration describes.

    Args:
        unroll: Its section.
        model: The layers that it is for.
        compiled: How the trainer compiles.

    Raises:
        UserError: The three cannot be combined; the sentence says what to use instead.
    """
    expected = network.refusal(model, unroll, compiled)
    if expected is not None:
        raise UserError(f"unroll.name: expected {expected}, got {unroll.name!r}")
    return _strategy(unroll)


def _strategy(unroll: network.Strategy) -> Unroll:
    match unroll:
        case network.Simple():
            return cast("Unroll", _SIMPLE[unroll.name])
        case network.Partial():
            return Partial(unroll.steps)
        case network.KerasLayers():
            return cast("Unroll", KerasLayers(unroll.unroll))
        case network.Checkpointed():
            return Checkpointed(unroll.steps)
