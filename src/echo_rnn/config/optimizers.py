"""The optimizers of Keras with the arguments that each one takes, its learning-rate schedules and clippings.

Names and arguments are those of `keras.optimizers`, names in small letters; a test holds them against the constructors.
"""

from typing import Annotated, Any

from pydantic import Field

from echo_rnn.config.fields import Alternatives, Count, Fraction, NonNegative, Positive, Section, Size

_ADAM: dict[str, Any] = {"beta_1": Fraction, "beta_2": Fraction, "epsilon": NonNegative}

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": Fraction, "nesterov": bool},
    "adam": {**_ADAM, "amsgrad": bool},  # Kingma & Ba 2014
    "adamw": {**_ADAM, "weight_decay": NonNegative, "amsgrad": bool},  # Loshchilov & Hutter 2017
    "adamax": _ADAM,  # Kingma & Ba 2014, section 7
    "nadam": _ADAM,  # Dozat 2016
    "lamb": _ADAM,  # You et al. 2019
    "lion": {"beta_1": Fraction, "beta_2": Fraction},  # Chen et al. 2023
    "rmsprop": {  # Hinton, lecture 6e, 2012
        "rho": Fraction,
        "momentum": Fraction,
        "epsilon": NonNegative,
        "centered": bool,
    },
    "adagrad": {  # Duchi et al. 2011; the article's optimizer
        "initial_accumulator_value": NonNegative,
        "epsilon": NonNegative,
    },
    "adadelta": {"rho": Fraction, "epsilon": Positive},  # Zeiler 2012
    "adafactor": {  # Shazeer & Stern 2018
        "beta_2_decay": Annotated[float, Field(lt=0)],
        "epsilon_1": Positive,
        "epsilon_2": Positive,
        "clip_threshold": Positive,
        "relative_step": bool,
    },
    "ftrl": {  # McMahan et al. 2013
        "learning_rate_power": Annotated[float, Field(le=0)],
        "initial_accumulator_value": NonNegative,
        "l1_regularization_strength": NonNegative,
        "l2_regularization_strength": NonNegative,
        "l2_shrinkage_regularization_strength": NonNegative,
        "beta": NonNegative,
    },
}

SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {},
    "exponential": {  # keras.optimizers.schedules.ExponentialDecay
        "decay_steps": Size,
        "decay_rate": Annotated[float, Field(gt=0, le=1)],
        "staircase": bool,
    },
    "cosine": {  # keras.optimizers.schedules.CosineDecay with linear warm-up from 0
        "warmup_steps": Count,
        "decay_steps": Size,
        "alpha": Fraction,
    },
}

# Keras's `global_clipnorm`, `clipnorm` and `clipvalue`.
CLIPPINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "global_norm": {"limit": Positive},
    "norm": {"limit": Positive},
    "value": {"limit": Positive},
}


class NamedSection(Section):
    """One of several of its kind, with the arguments of that one."""

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """What the one that is named takes."""
        return self.model_dump(exclude=set(NamedSection.model_fields))


class OptimizerSection(NamedSection):
    """An optimizer."""

    learning_rate: Positive


Optimizer = Annotated[OptimizerSection, Alternatives(OptimizerSection, "name", lambda: OPTIMIZERS)]
Schedule = Annotated[NamedSection, Alternatives(NamedSection, "name", lambda: SCHEDULES)]
Clipping = Annotated[NamedSection, Alternatives(NamedSection, "name", lambda: CLIPPINGS)]
