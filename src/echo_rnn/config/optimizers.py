"""The optimizers of Keras with the arguments that each one takes, its learning-rate schedules and clippings.

The names and arguments are those of `keras.optimizers`; a test holds them against the constructors.
"""

from typing import Annotated, Literal

from pydantic import Field

from echo_rnn.config.fields import Count, Fraction, NonNegative, Positive, Section, Size


class _Optimizer(Section):
    learning_rate: Positive


class Sgd(_Optimizer):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"]
    momentum: Fraction
    nesterov: bool


class _AdamFamily(_Optimizer):
    beta_1: Fraction
    beta_2: Fraction
    epsilon: NonNegative


class Adam(_AdamFamily):
    """Kingma & Ba 2014."""

    name: Literal["adam"]
    amsgrad: bool


class AdamW(_AdamFamily):
    """Loshchilov & Hutter 2017."""

    name: Literal["adamw"]
    weight_decay: NonNegative
    amsgrad: bool


class Adamax(_AdamFamily):
    """Kingma & Ba 2014, section 7."""

    name: Literal["adamax"]


class Nadam(_AdamFamily):
    """Dozat 2016."""

    name: Literal["nadam"]


class Lamb(_AdamFamily):
    """You et al. 2019."""

    name: Literal["lamb"]


class Lion(_Optimizer):
    """Chen et al. 2023."""

    name: Literal["lion"]
    beta_1: Fraction
    beta_2: Fraction


class RmsProp(_Optimizer):
    """Hinton, lecture 6e, 2012."""

    name: Literal["rmsprop"]
    rho: Fraction
    momentum: Fraction
    epsilon: NonNegative
    centered: bool


class Adagrad(_Optimizer):
    """Duchi et al. 2011; the article's optimizer."""

    name: Literal["adagrad"]
    initial_accumulator_value: NonNegative
    epsilon: NonNegative


class Adadelta(_Optimizer):
    """Zeiler 2012."""

    name: Literal["adadelta"]
    rho: Fraction
    epsilon: Positive


class Adafactor(_Optimizer):
    """Shazeer & Stern 2018."""

    name: Literal["adafactor"]
    beta_2_decay: Annotated[float, Field(lt=0)]
    epsilon_1: Positive
    epsilon_2: Positive
    clip_threshold: Positive
    relative_step: bool


class Ftrl(_Optimizer):
    """McMahan et al. 2013."""

    name: Literal["ftrl"]
    learning_rate_power: Annotated[float, Field(le=0)]
    initial_accumulator_value: NonNegative
    l1_regularization_strength: NonNegative
    l2_regularization_strength: NonNegative
    l2_shrinkage_regularization_strength: NonNegative
    beta: NonNegative


Optimizer = Annotated[
    Sgd | Adam | AdamW | Adamax | Nadam | Lamb | Lion | RmsProp | Adagrad | Adadelta | Adafactor | Ftrl,
    Field(discriminator="name"),
]


class Constant(Section):
    """The learning rate stays."""

    name: Literal["constant"]


class Exponential(Section):
    """`keras.optimizers.schedules.ExponentialDecay`."""

    name: Literal["exponential"]
    decay_steps: Size
    decay_rate: Annotated[float, Field(gt=0, le=1)]
    staircase: bool


class Cosine(Section):
    """`keras.optimizers.schedules.CosineDecay` with linear warm-up from 0."""

    name: Literal["cosine"]
    warmup_steps: Count
    decay_steps: Size
    alpha: Fraction


Schedule = Annotated[Constant | Exponential | Cosine, Field(discriminator="name")]


class NoClipping(Section):
    """Gradients as they come."""

    name: Literal["none"]


class Clipping(Section):
    """Keras's `global_clipnorm`, `clipnorm` and `clipvalue`."""

    name: Literal["global_norm", "norm", "value"]
    limit: Positive


AnyClipping = Annotated[NoClipping | Clipping, Field(discriminator="name")]
