"""The table of strategies: what each is called, where it is implemented, what it can run and what it costs.

Whatever lists or tells apart strategies reads this table: the configuration, the limits of fused loops, the benchmark's
formulas, the choice of `auto`, the Keras layer, plots, documentation and tests. It is read without TensorFlow, which a
strategy's implementation imports when it is loaded.
"""

import importlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from echo_rnn.core.cell_table import CELLS, CellKind
from echo_rnn.core.errors import UserError


def _every_step(cell: CellKind, layers: int, steps: int, option: Any) -> int:
    """What automatic differentiation of every step stores."""
    return cell.stored * layers * steps


def _no_step(steps: int, option: Any) -> int:
    """A loop runs every step."""
    return 0


@dataclass(frozen=True)
class Strategy:
    """A strategy; what it is like where a field is left out is the common case.

    Attributes:
        name: Its name.
        summary: What it does, in a line.
        implementation: `module:attribute` of an `echo_rnn.core.unroll.Unroll`, or with an option of what makes one.
        option: The name of its option, or empty.
        option_type: The type of the option's values.
        suffixes: What a label appends to the name for values of the option that are no numbers: `keras_unrolled`.
        numbered: Whether the option may be a number of time steps, which a label appends in digits: `partial5`.
        labels: The labels that stand for it in lists; its name where empty.
        auto: Whether `unroll=auto` measures it.
        any_cell: Whether it runs whole steps and so takes a cell of which the arithmetic is not known.
        one_kind: Whether all layers must be of one kind.
        cells: The names of the only cells that it takes, or `None`.
        precisions: The only precisions that it has, or `None`.
        any_activation: Whether cells may have other activations than tanh and sigmoid.
        xla: Whether XLA can compile it.
        litert: Whether LiteRT has its operations, where T and B are known.
        ragged: Whether rows may end before the window does.
        unknown_steps: Whether T may be unknown when the graph is made.
        repeats: Whether the backward pass runs steps of the forward pass again.
        limited: What sets the limits above, for messages.
        nearest: The strategy to use instead, for messages.
        stored: Values for the backward pass of each row, in units of S, from cell, layers, T and the option. Left out
            is what a window has in any case (inputs, outputs, logits), and what is made of them on the backward pass of
            the layer at hand; the input of the lowest layer counts as S.
        stored_narrow: Whether they are stored in the precision of the products.
        written_out: Time steps that stand in the graph one by one in each layer, from T and the option.
    """

    name: str
    summary: str
    implementation: str
    option: str = ""
    option_type: Any = None
    suffixes: Mapping[Any, str] = field(default_factory=lambda: {None: ""}, hash=False)
    numbered: bool = False
    labels: tuple[str, ...] = ()
    auto: bool = False
    any_cell: bool = False
    one_kind: bool = False
    cells: tuple[str, ...] | None = None
    precisions: tuple[str, ...] | None = None
    any_activation: bool = True
    xla: bool = True
    litert: bool = True
    ragged: bool = True
    unknown_steps: bool = True
    repeats: bool = False
    limited: str = ""
    nearest: str = ""
    stored: Callable[[CellKind, int, int, Any], int] = _every_step
    stored_narrow: bool = False
    written_out: Callable[[int, Any], int] = _no_step


@dataclass(frozen=True)
class Unrolling:
    """A strategy with the value of its option.

    Attributes:
        strategy: The strategy.
        option: The value; `None` where it has no option.
    """

    strategy: Strategy
    option: Any = None

    @property
    def label(self) -> str:
        """Both in a word, for example `partial5`."""
        return self.strategy.name + self.strategy.suffixes.get(self.option, str(self.option))

    def load(self) -> Any:
        """The implementation, an `echo_rnn.core.unroll.Unroll`; this imports TensorFlow."""
        module, _, name = self.strategy.implementation.partition(":")
        found = getattr(importlib.import_module(module), name)
        return found(**{self.strategy.option: self.option}) if self.strategy.option else found

    def written_out(self, steps: int) -> int:
        """See `Strategy.written_out`."""
        return self.strategy.written_out(steps, self.option)

    @property
    def needs_steps(self) -> bool:
        """Whether T must be known when the graph is made."""
        return self.written_out(1) > 0 or not self.strategy.unknown_steps


def _partial(steps: int, option: int) -> int:
    return min(option + steps % option, steps)


def _segment(steps: int, option: int | None) -> int:
    return min(option or math.ceil(math.sqrt(steps)), steps)


def _checkpointed(cell: CellKind, layers: int, steps: int, option: int | None) -> int:
    segment = _segment(steps, option)
    return layers * (cell.state_parts * math.ceil(steps / segment) + cell.stored * segment)


def _waves(layers: int, steps: int) -> int:
    """Cells in all waves: each has a place for every layer, also where a layer has not begun or has ended."""
    return layers * (steps + layers - 1)


_UNROLL = "echo_rnn.core.unroll"

_TABLE = (
    Strategy(
        name="dynamic",
        summary="A loop in the graph; graph size does not depend on the window.",
        implementation=f"{_UNROLL}.dynamic:dynamic",
        auto=True,
        any_cell=True,
    ),
    Strategy(
        name="static",
        summary="Every time step its own operations; the graph grows with the window.",
        implementation=f"{_UNROLL}.static:static",
        auto=True,
        any_cell=True,
        written_out=lambda steps, _: steps,
    ),
    Strategy(
        name="partial",
        summary="A loop whose body advances several time steps.",
        implementation=f"{_UNROLL}.partial:Partial",
        option="steps",
        option_type=int,
        suffixes={},
        numbered=True,
        labels=("partial5",),
        auto=True,
        any_cell=True,
        written_out=_partial,
    ),
    Strategy(
        name="wavefront",
        summary="Layer l at time w-l for all layers at once: T + L - 1 waves in place of T·L cells.",
        implementation=f"{_UNROLL}.wavefront:wavefront",
        auto=True,
        one_kind=True,
        limited="which runs all layers as one",
        nearest="deferred",
        stored=lambda cell, layers, steps, _: cell.stored * _waves(layers, steps),
    ),
    Strategy(
        name="deferred",
        summary="Input products before the loop, weight gradients after it, each as one product over time and rows.",
        implementation=f"{_UNROLL}.deferred:deferred",
        auto=True,
        stored=lambda cell, layers, steps, _: cell.residuals * layers * steps,
    ),
    Strategy(
        name="wavefront_deferred",
        summary="Waves over layers and time, with the weight gradients after the loop.",
        implementation=f"{_UNROLL}.wavefront_deferred:wavefront_deferred",
        auto=True,
        one_kind=True,
        limited="which runs all layers as one",
        nearest="deferred",
        stored=lambda cell, layers, steps, _: (1 + cell.residuals) * _waves(layers, steps),
    ),
    Strategy(
        name="block",
        summary="TensorFlow's fused LSTM kernel; needs trainer.compile=graph or none.",
        implementation=f"{_UNROLL}.block:block",
        auto=True,
        cells=("lstm",),
        precisions=("float32",),
        any_activation=False,
        xla=False,
        litert=False,
        limited="a kernel for LSTM layers in float32 that XLA does not have",
        nearest="deferred",
        stored=lambda cell, layers, steps, _: 7 * layers * steps,
    ),
    Strategy(
        name="checkpointed",
        summary="Keeps the state at the ends of segments only and runs each again on the backward pass.",
        implementation=f"{_UNROLL}.checkpointed:Checkpointed",
        option="steps",
        option_type=int | None,
        numbered=True,
        any_cell=True,
        unknown_steps=False,
        repeats=True,
        stored=_checkpointed,
    ),
    Strategy(
        name="dynamic_rnn",
        summary="tf.compat.v1.nn.dynamic_rnn, the article's part 5.",
        implementation=f"{_UNROLL}.article:dynamic_rnn",
        any_cell=True,
    ),
    Strategy(
        name="static_rnn",
        summary="tf.compat.v1.nn.static_rnn, the article's parts 2 to 4.",
        implementation=f"{_UNROLL}.article:static_rnn",
        any_cell=True,
        written_out=lambda steps, _: steps,
    ),
    Strategy(
        name="keras",
        summary="Keras's own layers, one after the other.",
        implementation=f"{_UNROLL}.keras_layers:KerasLayers",
        option="unroll",
        option_type=bool,
        suffixes={False: "", True: "_unrolled"},
        labels=("keras", "keras_unrolled"),
        cells=("lstm", "gru", "rnn"),
        limited="which has Keras's own layers",
        nearest="dynamic",
        stored_narrow=True,
        written_out=lambda steps, unroll: steps if unroll else 0,
    ),
)

STRATEGIES: dict[str, Strategy] = {strategy.name: strategy for strategy in _TABLE}
"""Every strategy by its name."""


def labels() -> list[str]:
    """Labels that stand for every strategy."""
    return [label for strategy in STRATEGIES.values() for label in strategy.labels or (strategy.name,)]


def label_forms() -> str:
    """All forms of labels, for messages."""
    forms = [
        strategy.name + suffix
        for strategy in STRATEGIES.values()
        for suffix in (*strategy.suffixes.values(), *(["K"] if strategy.numbered else []))
    ]
    return f"one of {', '.join(forms)} with K time steps"


def find_strategy(label: str) -> Unrolling | None:
    """The strategy and the option that a label stands for, or `None`."""
    for strategy in STRATEGIES.values():
        for value, suffix in strategy.suffixes.items():
            if label == strategy.name + suffix:
                return Unrolling(strategy, value)
        number = re.fullmatch(rf"{strategy.name}([1-9][0-9]*)", label)
        if strategy.numbered and number:
            return Unrolling(strategy, int(number[1]))
    return None


def get_strategy(label: str) -> Unrolling:
    """The strategy and the option that a label stands for.

    Raises:
        UserError: There is none.
    """
    found = find_strategy(label)
    if found is None:
        raise UserError(f"unroll: expected {label_forms()}, got {label!r}", "strategy.unknown")
    return found


def refusal(
    unrolling: Unrolling,
    cells: Sequence[str],
    precision: str,
    compiled: str,
    *,
    uniform: bool = True,
    activation: str | None = None,
    names: Mapping[str, str] | None = None,
) -> str | None:
    """Why a strategy cannot run a network, with what to use instead, or `None` where it can.

    Args:
        unrolling: The strategy.
        cells: The cells of the layers by their names in `echo_rnn.core.cell_table`, each once or once for each layer.
        precision: The precision of products.
        compiled: `none`, `graph` or `xla`.
        uniform: Whether all cells compute the same function of their weights.
        activation: One that is neither tanh nor sigmoid in its usual place, or `None`.
        names: What a person calls `cell`, `activation`, `precision` and `compile`; left out, so.
    """
    strategy = unrolling.strategy
    names = names or {name: name for name in ("cell", "activation", "precision", "compile")}
    unknown = next((cell for cell in cells if not CELLS[cell].known), None)
    if unknown is not None and not strategy.any_cell:
        able = ", ".join(each.name for each in STRATEGIES.values() if each.any_cell)
        return f"for {names['cell']} = {unknown}, a cell of unknown arithmetic, one of {able}"
    other = next((cell for cell in cells if strategy.cells is not None and cell not in strategy.cells), None)
    instead = f"any strategy but {strategy.name}, {strategy.limited}; {strategy.nearest or 'dynamic'} is the nearest"
    limits = (
        ("cell", other, other is not None),
        ("activation", activation, activation is not None and not strategy.any_activation),
        ("precision", precision, strategy.precisions is not None and precision not in strategy.precisions),
    )
    for name, value, beyond in limits:
        if beyond:
            return f"for {names[name]} = {value} {instead}"
    if strategy.one_kind and not uniform:
        return f"for {names['cell']} of several kinds {instead}"
    if compiled == "xla" and not strategy.xla:
        return f"for {names['compile']} = xla {instead}, or use {names['compile']} = graph"
    return None
