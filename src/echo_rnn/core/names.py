"""Names of functions that do not depend on what a process did before.

TensorFlow ends the names of functions (those that are compiled, loop bodies, gradients) with a number that counts every
tensor, eager ones too, since the process began. XLA's cache of compiled programs has these names in its keys: without
a round number to count from, a process that ran another number of steps before it traced would compile again.
"""

from tensorflow.python import pywrap_tfe

from echo_rnn.core import loading

_ROUND = 100_000  # more than are made before a training's first trace, and between two; takes some milliseconds


def number_from_here() -> None:
    """Sets TensorFlow's counter to its next round number, in a process that may load programs."""
    if not loading.is_expected():
        return
    count = pywrap_tfe.TFE_Py_UID
    for _ in range(-count() % _ROUND):
        count()
