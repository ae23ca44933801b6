"""What a loss is: a mean over the time steps and rows of a window, with a state between windows where it needs one.

    loss = mean over T and B of weight_TB · penalty_TB(outputs, targets)

The weights of a window's whole batch have the mean 1. They are 0 where a step does not count, and so a mean over the
counted steps is a plain mean, which the shards of a batch can share. What a loss divides by besides, such as the energy
of the targets in an error-to-signal ratio, is computed from the targets of the whole batch (`energies`) before it is
split.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import tensorflow as tf

LossState = tuple[Any, ...]
"""What a loss carries from window to window: tensors with the batch as their first axis."""


@dataclass(frozen=True)
class Loss(ABC):
    """Base of all losses; the fields of a subclass are its options.

    Attributes:
        name: Its name in the configuration.
        kind: Of targets: `classes`, whose outputs are logits, or `real`.
        unit: What its values are, for the axis of a picture.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["classes", "real"]]
    unit: ClassVar[str]

    def zero_state(self, batch_size: int, outputs: int) -> LossState:
        """The state before the first window; empty where none is needed."""
        return ()

    def energies(self, y: "tf.Tensor", weight_TB: "tf.Tensor | None", state: LossState) -> "tuple[tf.Tensor, ...]":
        """Scalars of a window's whole batch that the loss divides by.

        Args:
            y: Targets, `int32` classes `[T, B]` or real `[T, B, K]`.
            weight_TB: Weights with the mean 1; `None` where every step counts.
            state: The state before the window.
        """
        return ()

    @abstractmethod
    def __call__(
        self,
        outputs: "tf.Tensor",
        y: "tf.Tensor",
        weight_TB: "tf.Tensor | None",
        energies: "tuple[tf.Tensor, ...]",
        state: LossState,
    ) -> "tuple[tf.Tensor, LossState]":
        """The loss of a window, or of a shard of its batch, and the state after it.

        Args:
            outputs: The network's, `[T, B, C]` or `[T, B, K]`.
            y: Targets.
            weight_TB: Weights with the mean 1 over the whole batch; `None` where every step counts.
            energies: Those of the whole batch.
            state: The state before the window.
        """


@dataclass(frozen=True)
class MeanLoss(Loss):
    """Base of losses that are a plain mean of penalties and carry nothing."""

    @abstractmethod
    def penalties(self, outputs: "tf.Tensor", y: "tf.Tensor") -> "tf.Tensor":
        """Of each time step and row `[T, B]`, or of each target `[T, B, K]`."""

    def __call__(
        self,
        outputs: "tf.Tensor",
        y: "tf.Tensor",
        weight_TB: "tf.Tensor | None",
        energies: "tuple[tf.Tensor, ...]",
        state: LossState,
    ) -> "tuple[tf.Tensor, LossState]":
        """See `Loss`."""
        return weighted_mean(self.penalties(outputs, y), weight_TB), state


def weighted_mean(values: "tf.Tensor", weight_TB: "tf.Tensor | None") -> "tf.Tensor":
    """The mean of `[T, B]` or `[T, B, K]` with weights for the time steps of each row."""
    import tensorflow as tf  # noqa: PLC0415

    if weight_TB is not None:
        values = values * (weight_TB if values.shape.rank == 2 else weight_TB[..., tf.newaxis])
    return tf.reduce_mean(values)
