"""Optimizers, learning-rate schedules and clippings: from the configuration's names to Keras's classes."""

import keras

from echo_rnn.config import optimizers as section

# A table, so that configuration cannot name anything else.
OPTIMIZERS: dict[str, type[keras.optimizers.Optimizer]] = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "adamax": keras.optimizers.Adamax,
    "nadam": keras.optimizers.Nadam,
    "lamb": keras.optimizers.Lamb,
    "lion": keras.optimizers.Lion,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adafactor": keras.optimizers.Adafactor,
    "ftrl": keras.optimizers.Ftrl,
}
_CLIPPING_ARGUMENTS = {"global_norm": "global_clipnorm", "norm": "clipnorm", "value": "clipvalue"}


def build(
    optimizer: section.Optimizer, schedule: section.Schedule, clipping: section.AnyClipping
) -> keras.optimizers.Optimizer:
    """The Keras optimizer that the three sections describe."""
    arguments = optimizer.model_dump(exclude={"name", "learning_rate"})
    if isinstance(clipping, section.Clipping):
        arguments[_CLIPPING_ARGUMENTS[clipping.name]] = clipping.limit
    return OPTIMIZERS[optimizer.name](_learning_rate(optimizer.learning_rate, schedule), **arguments)


def _learning_rate(
    initial: float, schedule: section.Schedule
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    match schedule:
        case section.Constant():
            return initial
        case section.Exponential():
            return keras.optimizers.schedules.ExponentialDecay(
                initial, schedule.decay_steps, schedule.decay_rate, schedule.staircase
            )
        case section.Cosine():
            if schedule.warmup_steps == 0:
                return keras.optimizers.schedules.CosineDecay(initial, schedule.decay_steps, schedule.alpha)
            # Keras starts at its first argument, warms up to the target and decays from there.
            return keras.optimizers.schedules.CosineDecay(
                0.0,
                schedule.decay_steps,
                schedule.alpha,
                warmup_target=initial,
                warmup_steps=schedule.warmup_steps,
            )
