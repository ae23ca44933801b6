"""The configuration: composed from `conf/` by Hydra, checked against one typed schema, handed on as values."""

from echo_rnn.config.composition import (
    Composition,
    as_params,
    compose,
    compose_trial,
    composition_error,
    in_jobs,
    read,
)
from echo_rnn.config.schema import Config

__all__ = ["Composition", "Config", "as_params", "compose", "compose_trial", "composition_error", "in_jobs", "read"]
