"""Scaling: an offset and a scale for each input feature and each real target, fitted on training data.

scaled = (raw - offset) / scale          raw = scaled · scale + offset
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaling:
    """What stands between the numbers of a user, raw, and those that the network sees, scaled.

    Classes are not scaled: there `target_offset_K` and `target_scale_K` are empty.

    Attributes:
        input_offset_I: Subtracted from each input feature.
        input_scale_I: What each input feature is then divided by; never 0.
        target_offset_K: Likewise, of each real target.
        target_scale_K: Likewise; never 0.
    """

    input_offset_I: Floats
    input_scale_I: Floats
    target_offset_K: Floats
    target_scale_K: Floats

    @classmethod
    def identity(cls, inputs: int, targets: int) -> Self:
        """Scaling that changes nothing, of I inputs and K real targets (0 for classes)."""
        return cls(np.zeros(inputs), np.ones(inputs), np.zeros(targets), np.ones(targets))

    @property
    def is_identity(self) -> bool:
        """Whether raw and scaled are the same."""
        offsets, scales = (self.input_offset_I, self.target_offset_K), (self.input_scale_I, self.target_scale_K)
        return not any(map(np.any, offsets)) and all(np.all(scale == 1) for scale in scales)

    def scale_inputs(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """Raw inputs `[…, I]` as the network sees them."""
        return _scaled(raw, self.input_offset_I, self.input_scale_I)

    def scale_targets(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """Raw targets `[…, K]` as the network's outputs are compared with them."""
        return _scaled(raw, self.target_offset_K, self.target_scale_K)

    def undo_targets(self, scaled: NDArray[Any]) -> NDArray[np.float32]:
        """The network's outputs `[…, K]` in raw units."""
        raw: NDArray[np.float32] = (scaled * self.target_scale_K + self.target_offset_K).astype(np.float32)
        return raw

    def to_dict(self) -> dict[str, list[float]]:
        """JSON values."""
        return {name: array.tolist() for name, array in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, list[float]]) -> Self:
        """What `to_dict` gave."""
        return cls(**{name: np.array(numbers, np.float64) for name, numbers in values.items()})


def _scaled(raw: NDArray[Any], offset: Floats, scale: Floats) -> NDArray[np.float32]:
    # In double precision: an offset that is large beside the scale would cost digits otherwise.
    scaled: NDArray[np.float32] = ((raw - offset) / scale).astype(np.float32)
    return scaled
