"""The sections that describe the network: its layers and the way they are unrolled through time."""

from typing import Annotated, Literal

from pydantic import Field

from echo_rnn.config.fields import Section, Sizes


class _Stack(Section):
    layers: Annotated[int, Field(ge=1, le=1000)]
    units: Sizes

    @property
    def sizes(self) -> tuple[int, ...]:
        """State units of each layer, from the input upwards."""
        return tuple(self.units) if len(self.units) > 1 else (self.units[0],) * self.layers


class Lstm(_Stack):
    """Long short-term memory layers; see `echo_rnn.cells.lstm`."""

    cell: Literal["lstm"]
    forget_bias: float


class Gru(_Stack):
    """Gated recurrent layers; see `echo_rnn.cells.gru`."""

    cell: Literal["gru"]
    reset_after: bool


class Rnn(_Stack):
    """Simple recurrent layers; see `echo_rnn.cells.rnn`."""

    cell: Literal["rnn"]


Model = Annotated[Lstm | Gru | Rnn, Field(discriminator="cell")]


class Unroll(Section):
    """The way through time; see `echo_rnn.unroll`."""

    name: Literal["static", "dynamic"]
