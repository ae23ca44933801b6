"""Which strategies can be measured at a shape, told without starting TensorFlow."""

from collections.abc import Sequence

from echo_rnn.benchmark.measure.shape import Shape
from echo_rnn.config import network
from echo_rnn.errors import UserError


def network_of(shape: Shape) -> network.Model:
    """The network of a shape as a section of the configuration, with the defaults of its cell and without dropout."""
    stack = {
        "layers": shape.layers,
        "units": [shape.units],
        "precision": shape.precision,
        "dropout": {"between": 0.0, "output": 0.0, "variational": False},
    }
    match shape.cell:
        case "lstm":
            return network.Lstm.model_validate({"cell": "lstm", "forget_bias": 1.0, **stack})
        case "gru":
            return network.Gru.model_validate({"cell": "gru", "reset_after": True, **stack})
        case "rnn":
            return network.Rnn.model_validate({"cell": "rnn", **stack})
    raise UserError(f"model.cell: expected one of lstm, gru, rnn for a benchmark, got {shape.cell!r}")


def refusal(shape: Shape, label: str) -> str | None:
    """Why a strategy cannot be measured at a shape, with what to use instead, or `None` where it can.

    Raises:
        UserError: There is no such strategy.
    """
    return network.refusal(network_of(shape), network.unroll_of(label), shape.compile)


def require_strategies(shape: Shape, labels: Sequence[str]) -> None:
    """Lets only strategies pass that can be measured at a shape.

    Raises:
        UserError: One cannot, is unknown, or comes twice.
    """
    for label in labels:
        expected = refusal(shape, label)
        if expected is not None:
            raise UserError(f"benchmark strategies: expected {expected}, got {label!r} for {shape.key}")
    twice = [label for index, label in enumerate(labels) if label in labels[:index]]
    if twice:
        raise UserError(f"benchmark strategies: expected each one once, got {twice[0]!r} twice")
