"""Pictures: finished numbers in, matplotlib figures out; nothing is computed here beyond binning for display.

Neither TensorFlow nor MLflow is imported, nor pyplot, which keeps figures alive in a global list. How everything looks
is decided once, in `style`.
"""

import os

# Before matplotlib is imported, which refuses the value that a notebook sets for its own processes.
os.environ["MPLBACKEND"] = "agg"

from echo_rnn.plots.evaluation import diagnosis, echo_picture
from echo_rnn.plots.real import real_diagnosis, worst_picture
from echo_rnn.plots.style import save
from echo_rnn.plots.training import training_curves

__all__ = ["diagnosis", "echo_picture", "real_diagnosis", "save", "training_curves", "worst_picture"]
