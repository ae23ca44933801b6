"""Error-to-signal ratio with pre-emphasis, plus a DC term: the usual loss of networks that model audio equipment.

e = target - output                          s = target
f(v)_t = v_t - pre_emphasis · v_(t - 1)      first-order high-pass; the v before a window is that of the window before

loss = mean f(e)² / mean f(s)²   +   dc_weight · mean over rows (mean over time e)² / mean s²

Means over a window's batch. Energies have a floor, so that silence does not divide by zero.

Source: Wright, Damskägg, Juvela, Välimäki 2020, "Real-time guitar amplifier emulation with deep learning", section 3;
Damskägg et al. 2019 for the pre-emphasis.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from echo_rnn.core.losses.loss import Loss, LossState, weighted_mean

if TYPE_CHECKING:
    import tensorflow as tf

_FLOOR = 1e-5  # of an energy; -50 dB below full scale


@dataclass(frozen=True)
class Esr(Loss):
    """Error-to-signal ratio.

    Attributes:
        pre_emphasis: The filter's coefficient; 0 for none, 0.85 to 0.95 in the literature.
        dc_weight: Weight of the DC term; 0 for none.
    """

    name: ClassVar[str] = "esr"
    kind: ClassVar[Literal["classes", "real"]] = "real"
    unit: ClassVar[str] = "error-to-signal ratio"

    pre_emphasis: float
    dc_weight: float

    def zero_state(self, batch_size: int, outputs: int) -> LossState:
        """The last target and the last error of each row."""
        import tensorflow as tf  # noqa: PLC0415

        return (tf.zeros((batch_size, outputs)), tf.zeros((batch_size, outputs))) if self.pre_emphasis else ()

    def energies(self, y: "tf.Tensor", weight_TB: "tf.Tensor | None", state: LossState) -> "tuple[tf.Tensor, ...]":
        """Of the filtered targets, and of the targets."""
        import tensorflow as tf  # noqa: PLC0415

        filtered = self._filtered(y, state[0] if state else None)
        both = (weighted_mean(tf.square(signal), weight_TB) for signal in (filtered, y))
        return tuple(tf.maximum(energy, _FLOOR) for energy in both)

    def __call__(
        self,
        outputs: "tf.Tensor",
        y: "tf.Tensor",
        weight_TB: "tf.Tensor | None",
        energies: "tuple[tf.Tensor, ...]",
        state: LossState,
    ) -> "tuple[tf.Tensor, LossState]":
        """See `Loss`."""
        import tensorflow as tf  # noqa: PLC0415

        filtered_energy, energy = energies
        error_TBK = y - outputs
        filtered_TBK = self._filtered(error_TBK, state[1] if state else None)
        loss = weighted_mean(tf.square(filtered_TBK), weight_TB) / filtered_energy
        if self.dc_weight:
            counted_TBK = error_TBK if weight_TB is None else error_TBK * weight_TB[..., tf.newaxis]
            loss += self.dc_weight * tf.reduce_mean(tf.square(tf.reduce_mean(counted_TBK, axis=0))) / energy
        return loss, (y[-1], tf.stop_gradient(error_TBK[-1])) if state else ()

    def _filtered(self, signal_TBK: "tf.Tensor", before_BK: "tf.Tensor | None") -> "tf.Tensor":
        """The signal after the high-pass."""
        import tensorflow as tf  # noqa: PLC0415

        if before_BK is None:
            return signal_TBK
        earlier_TBK = tf.concat([before_BK[tf.newaxis], signal_TBK[:-1]], axis=0)
        return signal_TBK - self.pre_emphasis * earlier_TBK
