"""The commands that people and `dvc.yaml` run, one file each; what they do is in `echo_rnn.stages`."""

import os
import sys
from pathlib import Path

PARENT = os.getppid()
"""Who started this process; asked before anything else is imported, since the answer changes when that one ends."""

# DVC runs queued experiments in a clone, which must run its own code and not the installed one.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
