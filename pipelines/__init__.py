"""The commands that people and `dvc.yaml` run, one file each; what they do is in `echo_rnn.stages`."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

PARENT = os.getppid()
"""Who started this process; asked before anything else is imported, since the answer changes when that one ends."""

# DVC runs queued experiments in a clone, which must run its own code and not the installed one.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))


def _stop(number: int, frame: FrameType | None) -> None:
    os.write(2, b"stopped\n")
    os._exit(128 + number)


# Imports take seconds: a signal that comes while a command starts ends it in a word, too. In a process that only
# imports this package signals stay as they are. `errors.one_sentence` takes over.
if sys.argv[0] == "-m":
    for _number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(_number) is not signal.SIG_IGN:
            signal.signal(_number, _stop)
