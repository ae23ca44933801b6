"""The two ends of a network: what goes in, what comes out, in which units. A task gives them, a network has them."""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from echo_rnn.tasks.scaling import Scaling

Kind = Literal["classes", "real"]


@dataclass(frozen=True, eq=False)
class Ends:
    """What a network reads and what it predicts.

    Attributes:
        kind: `classes`, with logits as outputs, or `real` targets.
        inputs: Input features (I).
        outputs: Classes (C) or real targets (K).
        scaling: Between raw units and those of the network.
        input_names: Of the input features, for example columns of a table; for people and for reading tables.
        target_names: Of the real targets, or one for the class.
        own_inputs: For each real target the input feature that is the same quantity, which a residual head adds to the
            output; empty where there are none.
        residual: Whether the head adds them: output_K = head_K + input[own_inputs]_K, both scaled.
        sample_rate: Steps per second; `None` where time has no unit.
    """

    kind: Kind
    inputs: int
    outputs: int
    scaling: Scaling
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    own_inputs: tuple[int, ...] = ()
    residual: bool = False
    sample_rate: int | None = None

    @property
    def residual_inputs(self) -> tuple[int, ...]:
        """For each output the input feature that the head adds; empty without a residual head."""
        return self.own_inputs if self.residual else ()

    def with_residual(self, residual: bool) -> Self:
        """The same ends for a network with such a head."""
        return replace(self, residual=residual)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
        return values | lists | {"scaling": self.scaling.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """What `to_dict` gave."""
        tuples = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**values | tuples | {"scaling": Scaling.from_dict(values["scaling"])})
