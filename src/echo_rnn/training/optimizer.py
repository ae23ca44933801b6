"""Optimizers, learning-rate schedules and clippings: from sections of the configuration to Keras's classes."""

import keras

from echo_rnn.config import optimizers as section

_CLIPPING_ARGUMENTS = {"global_norm": "global_clipnorm", "norm": "clipnorm", "value": "clipvalue"}


def build(
    optimizer: section.Optimizer, schedule: section.Schedule, clipping: section.AnyClipping
) -> keras.optimizers.Optimizer:
    """The Keras optimizer that the three sections describe."""
    arguments = optimizer.model_dump(exclude={"name"})
    arguments["learning_rate"] = _learning_rate(optimizer.learning_rate, schedule)
    if isinstance(clipping, section.Clipping):
        arguments[_CLIPPING_ARGUMENTS[clipping.name]] = clipping.limit
    # The schema admits names and arguments of Keras's optimizers only.
    return keras.optimizers.get({"class_name": optimizer.name, "config": arguments})


def _learning_rate(
    initial: float, schedule: section.Schedule
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    arguments = schedule.model_dump(exclude={"name"})
    match schedule:
        case section.Constant():
            return initial
        case section.Exponential():
            return keras.optimizers.schedules.ExponentialDecay(initial, **arguments)
        case section.Cosine(warmup_steps=0):
            return keras.optimizers.schedules.CosineDecay(initial, **arguments)
        case section.Cosine():
            # Keras starts at its first argument, warms up to the target and decays from there.
            return keras.optimizers.schedules.CosineDecay(0.0, warmup_target=initial, **arguments)
