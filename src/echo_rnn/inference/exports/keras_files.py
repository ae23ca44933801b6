"""Keras models that carry their state: one keeps it between calls, the other takes it and gives it back."""

from pathlib import Path
from typing import TYPE_CHECKING

from echo_rnn.inference.exports.export import Export, refuse_narrow

if TYPE_CHECKING:
    from echo_rnn.inference.trained import Trained

_STATEFUL, _STATES = "stateful.keras", "states.keras"


def _write(trained: "Trained", folder: Path) -> None:
    from echo_rnn.inference.keras_model import to_keras_with_states, to_stateful_keras  # noqa: PLC0415

    for name, build in ((_STATEFUL, to_stateful_keras), (_STATES, to_keras_with_states)):
        build(trained).save(folder / name)


KERAS = Export("keras", "Keras models that carry their state.", (_STATEFUL, _STATES), refuse_narrow, _write)
