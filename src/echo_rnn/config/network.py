"""The sections that describe the network: its layers and the strategy that unrolls them through time.

Which cells and strategies there are, and which options each has, is read from the tables of `echo_rnn.core` whenever a
configuration is validated.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from echo_rnn.config.fields import Alternatives, Fraction, Import, Section, Size, Sizes
from echo_rnn.core.cell_table import CELLS, ImportPath, Stack
from echo_rnn.core.strategies import STRATEGIES, Unrolling

# What a section takes for a type of an option in the tables, where that is narrower.
_NARROWER: dict[Any, Any] = {int: Size, int | None: Size | None, dict: dict[str, Any], ImportPath: Import}


class Dropout(Section):
    """What is dropped in training; see `echo_rnn.core.unroll.masks`."""

    between: Fraction
    output: Fraction
    variational: bool


class ModelSection(Section):
    """Recurrent layers of one kind; the options of the cell come on top, see `echo_rnn.core.cell_table`."""

    cell: str
    layers: Annotated[int, Field(ge=1, le=1000)]
    units: Sizes
    precision: Literal["float32", "bfloat16"]
    residual: bool
    dropout: Dropout

    @property
    def sizes(self) -> tuple[int, ...]:
        """State units of each layer, from the input upwards."""
        return tuple(self.units) if len(self.units) > 1 else (self.units[0],) * self.layers

    @property
    def stack(self) -> Stack:
        """The layers as a value."""
        kind = CELLS[self.cell]
        return Stack(kind, self.sizes, self.precision, {name: getattr(self, name) for name in kind.options})


class UnrollSection(Section):
    """A strategy; its option comes on top, see `echo_rnn.core.strategies`."""

    name: str

    @property
    def unrolling(self) -> Unrolling | None:
        """The strategy as a value; `None` for `auto`, which is measured first."""
        if self.name == "auto":
            return None
        strategy = STRATEGIES[self.name]
        return Unrolling(strategy, getattr(self, strategy.option) if strategy.option else None)

    @property
    def label(self) -> str:
        """The strategy with its option in a word."""
        return self.unrolling.label if self.unrolling else self.name


def _cells() -> dict[str, dict[str, Any]]:
    return {
        kind.name: {
            "precision": Literal[kind.precisions],
            **{name: _NARROWER.get(option, option) for name, option in kind.options.items()},
        }
        for kind in CELLS.values()
    }


def _strategies() -> dict[str, dict[str, Any]]:
    options = {
        strategy.name: {strategy.option: _NARROWER.get(strategy.option_type, strategy.option_type)}
        if strategy.option
        else {}
        for strategy in STRATEGIES.values()
    }
    return options | {"auto": {}}


MODEL = Alternatives(ModelSection, "cell", _cells)
Model = Annotated[ModelSection, MODEL]
Unroll = Annotated[UnrollSection, Alternatives(UnrollSection, "name", _strategies)]
