"""Truncated backpropagation through time: windows in order, the state carried from each to the next."""

from echo_rnn.training.checkpoints import Checkpoints
from echo_rnn.training.guard import NonFiniteError
from echo_rnn.training.history import EpochRecord, History
from echo_rnn.training.learner import Learner
from echo_rnn.training.loop import Training
from echo_rnn.training.optimizer import build as build_optimizer

__all__ = ["Checkpoints", "EpochRecord", "History", "Learner", "NonFiniteError", "Training", "build_optimizer"]
