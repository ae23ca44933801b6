"""A process that has imported what the project's commands import, whose forks become these commands.

Nothing of the project is imported, so that a copy of the project runs its own code: see `tests.processes`.
"""

import os
import runpy
import socket
import sys
from pathlib import Path

SERVER = Path(__file__).parents[1] / "src/echo_rnn/fork_server.py"
# As `echo_rnn.core.startup`, `echo_rnn.plots` and `echo_rnn.tracking` do before they import.
SETTINGS = {
    "KERAS_BACKEND": "tensorflow",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MPLBACKEND": "agg",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


def preload():
    """Imports the libraries; what the project keeps out of Keras is kept out here, too."""
    os.environ |= SETTINGS
    hidden = ("sklearn", "matplotlib")
    sys.modules.update(dict.fromkeys(hidden))
    import keras  # noqa: F401, PLC0415
    import tensorflow  # noqa: F401, PLC0415

    for name in hidden:
        del sys.modules[name]
    import hydra  # noqa: F401, PLC0415
    import jinja2  # noqa: F401, PLC0415
    import matplotlib.backends.backend_agg  # noqa: PLC0415
    import matplotlib.figure  # noqa: PLC0415
    import matplotlib.style  # noqa: F401, PLC0415
    import mlflow.keras  # noqa: PLC0415
    import mlflow.pyfunc  # noqa: PLC0415
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401, PLC0415
    import pydantic  # noqa: F401, PLC0415
    import scipy.stats  # noqa: F401, PLC0415
    import sqlalchemy.dialects.sqlite  # noqa: F401, PLC0415
    from alembic import command  # noqa: F401, PLC0415
    from mlflow.utils.requirements_utils import _init_packages_to_modules_map  # noqa: PLC0415

    _init_packages_to_modules_map()  # it reads the files of all packages, in each process that logs a model


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file is on no command's path
    preload()
    runpy.run_path(str(SERVER))["serve"](socket.socket(fileno=int(sys.argv[1])))
