"""Optimizers, learning-rate schedules and clippings: from the configuration's names to Keras's classes."""

import keras

from echo_rnn.config import optimizers as section

# A table, so that configuration cannot name anything else.
OPTIMIZERS: dict[str, type[keras.optimizers.Optimizer]] = {
    name.lower(): kind for name, kind in vars(keras.optimizers).items() if name.lower() in section.OPTIMIZERS
}
_CLIPPING_ARGUMENTS = {"global_norm": "global_clipnorm", "norm": "clipnorm", "value": "clipvalue"}


def build(
    optimizer: section.Optimizer, schedule: section.Schedule, clipping: section.Clipping
) -> keras.optimizers.Optimizer:
    """The Keras optimizer that the three sections describe."""
    arguments = optimizer.arguments | {"learning_rate": _learning_rate(optimizer.learning_rate, schedule)}
    if clipping.name != "none":
        arguments[_CLIPPING_ARGUMENTS[clipping.name]] = clipping.arguments["limit"]
    return OPTIMIZERS[optimizer.name](**arguments)


def _learning_rate(
    initial: float, schedule: section.Schedule
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if schedule.name == "constant":
        return initial
    if schedule.name == "exponential":
        return keras.optimizers.schedules.ExponentialDecay(initial, **schedule.arguments)
    # Keras starts at its first argument, warms up to the target and decays from there.
    start, target = (0.0, initial) if schedule.arguments["warmup_steps"] else (initial, None)
    return keras.optimizers.schedules.CosineDecay(start, warmup_target=target, **schedule.arguments)
