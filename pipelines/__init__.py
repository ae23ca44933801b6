"""The commands that people and `dvc.yaml` run, one file each; what they do is in `echo_rnn.stages`.

Each imports this package before anything of ours: it says where the environment is missing, and makes the code of this
checkout be found.
"""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

PARENT = os.getppid()
"""Who started this process; asked before anything else is imported, since the answer changes when that one ends."""

_PROJECT = Path(__file__).resolve().parents[1]
if not (3, 11) <= sys.version_info < (3, 14) or find_spec("hydra") is None:
    _GOT = "%s with Python %d.%d" % (sys.executable, *sys.version_info[:2])  # noqa: UP031 (older ones come here, too)
    sys.exit(
        "error[environment.outside]: expected the project's environment, got "
        + _GOT
        + "; `make .venv/installed` makes it in "
        + str(_PROJECT)
        + ", and `source .venv/bin/activate` there enters it"
    )

# A user without an entry on the system, as in a container, has no home unless HOME names one; libraries fail without.
if os.path.expanduser("~") == "~":  # noqa: PTH111 (that of pathlib fails)
    os.environ["HOME"] = "/"

# DVC runs queued experiments in a clone, which must run its own code and not the installed one.
sys.path.insert(0, str(_PROJECT / "src"))


def _stop(number: int, frame: FrameType | None) -> None:
    os.write(2, b"stopped\n")
    os._exit(128 + number)


# Imports take seconds: a signal that comes while a command starts ends it in a word, too. In a process that only
# imports this package signals stay as they are. `errors.one_sentence` takes over.
if sys.argv[0] == "-m":
    for _number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(_number) is not signal.SIG_IGN:
            signal.signal(_number, _stop)
