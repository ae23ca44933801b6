"""The sections that describe the network: its layers and the way they are unrolled through time."""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from echo_rnn.config.fields import Fraction, Import, Section, Size, Sizes
from echo_rnn.core.compilation import Compile
from echo_rnn.errors import UserError


class Dropout(Section):
    """What is dropped in training; see `echo_rnn.core.unroll.masks`."""

    between: Fraction
    output: Fraction
    variational: bool


class _Stack(Section):
    layers: Annotated[int, Field(ge=1, le=1000)]
    units: Sizes
    precision: Literal["float32", "bfloat16"]
    dropout: Dropout

    @property
    def sizes(self) -> tuple[int, ...]:
        """State units of each layer, from the input upwards."""
        return tuple(self.units) if len(self.units) > 1 else (self.units[0],) * self.layers


class Lstm(_Stack):
    """Long short-term memory layers; see `echo_rnn.core.cells.lstm`."""

    cell: Literal["lstm"]
    forget_bias: float


class Gru(_Stack):
    """Gated recurrent layers; see `echo_rnn.core.cells.gru`."""

    cell: Literal["gru"]
    reset_after: bool


class Rnn(_Stack):
    """Simple recurrent layers; see `echo_rnn.core.cells.rnn`."""

    cell: Literal["rnn"]


class Custom(_Stack):
    """Layers of a cell of one's own; see `echo_rnn.core.cells.custom`."""

    cell: Literal["custom"]
    precision: Literal["float32"]  # its products are its own
    path: Import
    options: dict[str, Any]


Model = Annotated[Lstm | Gru | Rnn | Custom, Field(discriminator="cell")]


class Simple(Section):
    """A way through time without options; see the file of its name in `echo_rnn.core.unroll`."""

    name: Literal[
        "static",
        "dynamic",
        "wavefront",
        "deferred",
        "wavefront_deferred",
        "block",
        "dynamic_rnn",
        "static_rnn",
    ]

    @property
    def label(self) -> str:
        """The strategy with its options in a word."""
        return self.name


class Partial(Section):
    """Several time steps for each turn of a loop; see `echo_rnn.core.unroll.partial`."""

    name: Literal["partial"]
    steps: Size

    @property
    def label(self) -> str:
        """The strategy with its options in a word."""
        return f"partial{self.steps}"


class KerasLayers(Section):
    """Keras's own layers; see `echo_rnn.core.unroll.keras_layers`."""

    name: Literal["keras"]
    unroll: bool

    @property
    def label(self) -> str:
        """The strategy with its options in a word."""
        return "keras_unrolled" if self.unroll else "keras"


class Checkpointed(Section):
    """Little memory for one more forward pass; see `echo_rnn.core.unroll.checkpointed`."""

    name: Literal["checkpointed"]
    steps: Size | None

    @property
    def label(self) -> str:
        """The strategy with its options in a word."""
        return "checkpointed" if self.steps is None else f"checkpointed{self.steps}"


class Auto(Section):
    """Whatever is measured to be fastest for the shape on this machine; see `echo_rnn.stages.choose`."""

    name: Literal["auto"]

    @property
    def label(self) -> str:
        """The word for it."""
        return self.name


Strategy = Simple | Partial | KerasLayers | Checkpointed
Unroll = Annotated[Strategy | Auto, Field(discriminator="name")]


LABELS: tuple[str, ...] = (
    *get_args(Simple.model_fields["name"].annotation),
    "keras",
    "keras_unrolled",
    "checkpointed",
)
"""Every strategy by the label of its default options; `partialK` and `checkpointedK` name their time steps."""


def unroll_of(label: str) -> Strategy:
    """The section whose `label` this is.

    Raises:
        UserError: There is none.
    """
    if label in get_args(Simple.model_fields["name"].annotation):
        return Simple.model_validate({"name": label})
    if label in ("keras", "keras_unrolled"):
        return KerasLayers(name="keras", unroll=label != "keras")
    if label == "checkpointed":
        return Checkpointed(name="checkpointed", steps=None)
    steps = re.fullmatch(r"(partial|checkpointed)([1-9][0-9]*)", str(label))
    if steps is None:
        names = ", ".join((*LABELS, "partialK", "checkpointedK"))
        raise UserError(f"unroll: expected one of {names} with K time steps, got {label!r}")
    if steps[1] == "partial":
        return Partial(name="partial", steps=int(steps[2]))
    return Checkpointed(name="checkpointed", steps=int(steps[2]))


# What runs a cell as a whole, one step of one layer at a time.
WHOLE_STEPS = ("static", "dynamic", "partial", "checkpointed", "dynamic_rnn", "static_rnn")


def refusal(model: Model, unroll: Unroll, compiled: Compile) -> str | None:
    """Why a network cannot be unrolled in this way, with what to use instead, or `None` where it can.

    Args:
        model: The layers.
        unroll: The way through time.
        compiled: How the trainer compiles.
    """
    if model.cell == "custom" and unroll.name not in WHOLE_STEPS:
        return f"for model.cell = custom, of whose arithmetic nothing is known, one of {', '.join(WHOLE_STEPS)}"
    if unroll.name == "auto" and len(set(model.sizes)) > 1:
        return "for layers of different sizes any strategy but auto, which compares stacks of one size"
    return _refusal_of_block(model, compiled) if unroll.name == "block" else None


def _refusal_of_block(model: Model, compiled: Compile) -> str | None:
    if model.cell != "lstm":
        return (
            f"for model.cell = {model.cell} any strategy but block, a kernel for LSTM layers; deferred is the nearest"
        )
    if model.precision != "float32":
        return (
            f"for model.precision = {model.precision} any strategy but block, a kernel in float32; deferred is the "
            "nearest"
        )
    if compiled in ("xla", "lanes"):
        return (
            f"for trainer.compile = {compiled} any strategy but block, a kernel that XLA does not have; deferred is "
            "the nearest, or use trainer.compile = graph"
        )
    return None
